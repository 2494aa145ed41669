"""Notes in other scripts on the real cards; drive calls it and reports what is drawn as a box."""

from __future__ import annotations

from mobile.core.rules import Draft
from mobile.tools.drawing import settle
from mobile.ui.fonts import FALLBACK, HAS_FALLBACK, VisualLabel
from mobile.ui.shell import Shell
from mobile.ui.text import Text
from mobile.viewmodels.stages import Tab

NOTES = {
    "emoji": "\U0001f389\U0001f680\u2764\ufe0f\U0001f44d\U0001f3fd",
    "Chinese": "\u4e2d\u6587\u9879\u76ee\u56fd\u570b",
    "Japanese": "\u65e5\u672c\u8a9e\u30c6\u30b9\u30c8",
    "Korean": "\ud55c\uad6d\uc5b4",
    "Arabic": "\u0627\u062c\u062a\u0645\u0627\u0639",
    "Hebrew": "\u05e9\u05dc\u05d5\u05dd",
    "Hindi": "\u0939\u093f\u0928\u094d\u0926\u0940",
}
# No font has a glyph for it.
UNASSIGNED = "\U0010fffd"


def boxes(shell: Shell) -> dict[str, list[str]] | None:
    """The characters of each script that a card draws as boxes; None without the fallback font."""
    if not HAS_FALLBACK:
        return None
    shell.go(Tab.WEEK)
    week = shell.models.week
    week.shift(1)
    found = {}
    # A day for each of the seven.
    for day, (script, note) in zip(week.week.days, NOTES.items(), strict=True):
        shell.model.workspace.timesheet.save(Draft(day, "BIG-WEB", 30, note=note))
        week.choose(day)
        week.refresh()
        settle()
        drawn = [each for each in shell.walk() if isinstance(each, Text) and note in each.text]
        fonts = {each.font_name for each in drawn}
        found[script] = [each for font in fonts or {"not on a card"} for each in _boxes(note, font)]
    return found


def _boxes(text: str, font: str) -> list[str]:
    if font != FALLBACK:
        return [font]
    box = _pixels(UNASSIGNED, font)
    return [each for each in text if _pixels(each, font) == box]


def _pixels(text: str, font: str) -> bytes:
    label = VisualLabel(text=text, font_name=font, font_size=32, font_script_name="Latn")
    label.refresh()
    return bytes(label.texture.pixels)
