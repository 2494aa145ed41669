"""The path of the logo."""

from pathlib import Path

LOGO = str(Path(__file__).parent.parent / "data" / "icon.png")
