"""Lays out what buildozer packs: `python -m mobile.tools.stage build/app`."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
MAIN = 'import runpy\n\nrunpy.run_module("mobile", run_name="__main__")\n'


def stage(folder: Path) -> None:
    """The package under its own name, with main.py and buildozer.spec beside it."""
    target = folder / "mobile"
    shutil.rmtree(target, ignore_errors=True)
    left_out = shutil.ignore_patterns("__pycache__", "tools", "buildozer.spec")
    shutil.copytree(PACKAGE, target, ignore=left_out)
    shutil.copy(PACKAGE / "buildozer.spec", folder)
    (folder / "main.py").write_text(MAIN, "utf-8")


if __name__ == "__main__":
    if not (PACKAGE / "data" / "fallback.ttf").exists():
        sys.stderr.write(
            "make fonts first: without it other scripts and emoji are drawn as boxes\n"
        )
    stage(Path(sys.argv[1] if len(sys.argv) > 1 else "build/app"))
