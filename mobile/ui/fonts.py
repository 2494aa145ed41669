"""The font of a text: Roboto, or one with other scripts and emoji where the text has any."""

from __future__ import annotations

import re
from pathlib import Path

from kivy.core.text import DEFAULT_FONT, LabelBase
from kivy.core.text import Label as CoreLabel

from mobile.core.bidi import visual_order

# Made by mobile.tools.fonts; it has Roboto's letters too, so that a line needs one font only.
FALLBACK_FILE = Path(__file__).parents[1] / "data" / "fallback.ttf"
FALLBACK = "Fallback"
# Latin, Greek, Cyrillic, punctuation and currencies: all that Roboto has.
BEYOND_ROBOTO = re.compile("[^\u0000-\u058f\u1e00-\u206f\u20a0-\u20bf]")
# Selectors and skin tones change a glyph of colour fonts; here they would be a glyph of their own.
INVISIBLE = dict.fromkeys([0x200D, 0xFE0E, 0xFE0F, *range(0x1F3FB, 0x1F400)])
DEVANAGARI = re.compile("[\u0900-\u097f]")


def register_fallback() -> bool:
    """Whether the fallback font is there. Without it, other scripts are drawn as boxes."""
    if FALLBACK_FILE.exists():
        LabelBase.register(FALLBACK, str(FALLBACK_FILE))
    return FALLBACK_FILE.exists()


HAS_FALLBACK = register_fallback()


def font_of(text: str) -> str:
    """The name of the font to draw the text in."""
    return FALLBACK if HAS_FALLBACK and BEYOND_ROBOTO.search(text) else DEFAULT_FONT


def script_of(text: str) -> str:
    """The ISO 15924 code by which letters are joined; one for the whole of a text."""
    return "Deva" if DEVANAGARI.search(text) else "Latn"


class VisualLabel(CoreLabel):
    """Draws each line in visual order: Kivy wraps before it draws, as UAX #9 wants it."""

    def _get_font_id(self) -> str:
        return f"{super()._get_font_id()}|{self.options['font_script_name']}"

    def get_extents(self, text: str) -> tuple[int, int]:
        return super().get_extents(drawn(text))

    def _render_text(self, text: str, x: int, y: int) -> None:
        super()._render_text(drawn(text), x, y)


def drawn(line: str) -> str:
    """The glyphs of a line from left to right. Devanagari needs its joiners."""
    if not BEYOND_ROBOTO.search(line):
        return line
    if not DEVANAGARI.search(line):
        line = line.translate(INVISIBLE)
    return visual_order(line)
