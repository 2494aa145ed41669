"""Resolve each requirements/*.in into a .txt with hashes that names no index."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(__file__).parent
# Each file is resolved within the one it names, so that what is tested is what ships.
WITHIN = {
    "build": None,
    "services": None,
    "batch": "services",
    "portal": "services",
    "migrate": "services",
    "tracing": "services",
    "dev": "services",
    "test": "dev",
    "endurance": "test",
    "mobile": None,
    "fonts": None,
    "deploy": None,
    "bench": "services",
}


def lock(name: str, within: str | None) -> None:
    """Resolve one list and lock it; `within` is the list whose versions it must keep to."""
    command = ["pip", "compile", "--universal", "--python-version", "3.11", "--generate-hashes"]
    # Stripped of its extra, a pin does not hold the "coverage[toml]" that pytest-cov asks pip for.
    command += ["--no-strip-extras", "--no-emit-index-url", "--no-header", "--quiet"]
    for each in _lineage(name):
        if (excludes := FOLDER / f"{each}.excludes").exists():
            command += ["--excludes", str(excludes)]
    if within:
        command += ["--constraint", str(FOLDER / f"{within}.txt")]
    command += [str(FOLDER / f"{name}.in"), "--output-file", str(FOLDER / f"{name}.txt")]
    subprocess.run([sys.executable, "-m", "uv", *command], check=True)  # noqa: S603 - our own words


def _lineage(name: str) -> Iterator[str]:
    """The name and those it is resolved within: their exclusions hold for it."""
    following: str | None = name
    while following is not None:
        yield following
        following = WITHIN[following]


def main() -> None:
    """Resolve every list again."""
    for name, within in WITHIN.items():
        lock(name, within)


if __name__ == "__main__":
    main()
