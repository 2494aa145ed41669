"""Where the picture of the app lies."""

from pathlib import Path

LOGO = str(Path(__file__).parent.parent / "data" / "icon.png")
