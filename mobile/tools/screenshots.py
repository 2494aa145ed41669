"""Draws every screen without a display: `python -m mobile.tools.screenshots docs/images`."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

# Width and height in dp, and how many pixels the picture has for each. A row of pixels is read in
# strings of four bytes, so its length must be a multiple of four.
SIZES = {"phone": (412, 915, 2.0), "tablet": (1180, 820, 1.2)}
ENVIRONMENT = {
    "SDL_VIDEODRIVER": "offscreen",
    "KIVY_NO_ARGS": "1",
    "KIVY_NO_CONFIG": "1",
    "KIVY_LOG_MODE": "PYTHON",
}


def main() -> None:
    """A process for each size: without a display a window keeps the size it was made with."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images")
    only = sys.argv[2] if len(sys.argv) > 2 else ""
    if len(sys.argv) > 3:
        from kivy.config import Config

        width, height, density = SIZES[sys.argv[3]]
        Config.set("graphics", "width", str(int(width * density)))
        Config.set("graphics", "height", str(int(height * density)))
        from mobile.tools.drawing import draw

        asyncio.run(draw(folder, sys.argv[3], only))
        return
    folder.mkdir(parents=True, exist_ok=True)
    for size, (_, _, density) in SIZES.items():
        scale = {"KIVY_METRICS_DENSITY": str(density), "KIVY_DPI": str(int(160 * density))}
        command = [sys.executable, "-m", "mobile.tools.screenshots", str(folder), only, size]
        subprocess.run(command, env=os.environ | ENVIRONMENT | scale, check=True)  # noqa: S603 - our strings


if __name__ == "__main__":
    main()
