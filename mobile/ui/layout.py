"""Window classes of Material 3 and the loading of .kv files."""

from __future__ import annotations

from pathlib import Path

from kivy.lang import Builder

# From these widths on: a navigation rail, and list and detail side by side.
RAIL_WIDTH, SPLIT_WIDTH = 600, 840
RAIL = 88


def load_kv(module_file: str) -> None:
    """Load the .kv file beside a module, once."""
    path = str(Path(module_file).with_suffix(".kv"))
    if path not in Builder.files:
        Builder.load_file(path, encoding="utf8")
