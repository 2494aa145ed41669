"""Runs a module in the app's own environment, drawn for real and without a display."""

from __future__ import annotations

import ctypes.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
# Kivy lives in the app's own environment, which `make test` makes beside this one.
APP_PYTHON = ROOT / ".appvenv" / "bin" / "python"
PYTHON = str(APP_PYTHON) if APP_PYTHON.exists() else sys.executable
LIBRARIES = {"GL": "libgl1", "EGL": "libegl1"}
TIMEOUT = 280
# Kivy warns of a frame in which a layout goes on, as the first of a screen may; so often only of
# one that never ends.
ENDLESS = 10
NARROW, SMALL, PHONE, TABLET = (320, 640), (360, 740), (412, 915), (1180, 820)
# A window without a display keeps the size it is made with.
START = """
import runpy, sys
from kivy.config import Config
module, width, height = sys.argv[1:4]
Config.set("graphics", "width", width)
Config.set("graphics", "height", height)
runpy.run_module(module, run_name="__main__")
"""


def what_is_missing() -> str:
    """Name what keeps the screens from being drawn here, and what helps."""
    look = "import importlib.util; raise SystemExit(importlib.util.find_spec('kivymd') is None)"
    if subprocess.run([PYTHON, "-c", look], check=False).returncode:
        return "Kivy is not installed: make .appvenv/ready (Kivy has no wheels for Python 3.14)"
    lacking = [package for name, package in LIBRARIES.items() if not ctypes.util.find_library(name)]
    return f"on Debian: apt-get install {' '.join(lacking)}" if lacking else ""


def run_offscreen(
    module: str,
    home: Path,
    *,
    size: tuple[int, int] = PHONE,
    timeout: float = TIMEOUT,
    redrawn: int = 1,
    **environ: str,
) -> tuple[dict[str, Any], str]:
    """The JSON that the module prints at last, and its log.

    `home` is for Kivy's own files, `redrawn` how often the module draws all screens from the start.
    """
    environment = {
        "SDL_VIDEODRIVER": "offscreen",
        "KIVY_NO_ARGS": "1",
        "KIVY_NO_CONFIG": "1",
        "KIVY_LOG_MODE": "PYTHON",
        "KIVY_METRICS_DENSITY": "1",
        "KIVY_DPI": "160",
        "KIVY_HOME": str(home),
        **environ,
    }
    done = subprocess.run(
        [PYTHON, "-c", START, module, *map(str, size)],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    restless = done.stderr.count("too much iteration")
    assert restless < ENDLESS * redrawn, f"a layout never comes to rest: {restless} frames"
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found, done.stderr
