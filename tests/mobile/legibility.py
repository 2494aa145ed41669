"""Walks every screen and prints, as JSON, what a person could not press or read.

A process of its own: Kivy takes over the process that imports it. test_legibility sets the size.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path

from kivy.core.window import Window
from kivy.graphics.opengl import GL_RGBA, GL_UNSIGNED_BYTE, glReadPixels
from kivy.metrics import Metrics
from kivy.uix.widget import Widget
from kivymd.uix.button import MDFabButton

from mobile.app import TimesheetsApp
from mobile.core.network import make_client
from mobile.preferences import Preferences
from mobile.tools.drawing import settle
from mobile.tools.sample import NoBrowser, StillClock, enter, fill, make_model, make_session
from mobile.tools.scenes import SCENES, tidy
from mobile.ui.buttons import Chip, IconButton, PushButton, TappableArea, TappableRow
from mobile.ui.daybar import DayBar
from mobile.ui.shell import Shell
from mobile.ui.snackbar import Snackbar
from mobile.ui.text import SIZES, Text, font_pixels, text_width
from mobile.viewmodels.profile import Appearance

Resolution = tuple[str, float, Appearance]

LEAST = 48
# See docs/decisions/2026-11-27-day-bars-may-be-44-dp-wide.md.
LEAST_OF_SEVEN, ROOM_FOR_SEVEN = 44, 7 * 48
LEAST_CONTRAST = 4.5
LEAST_LETTERS = 12
TARGETS = (PushButton, Chip, IconButton, TappableRow, TappableArea, MDFabButton)
# Language, scale of the text, look: the few are the least and the most that must fit.
FEW_WAYS = (
    ("en", 1.0, Appearance.LIGHT),
    ("de", 1.3, Appearance.DARK),
)
FEW_SCENES = ("week-rejected", "entry-errors", "timer", "approvals", "approval", "profile")
ALL_WAYS = tuple(
    (language, scale, look)
    for language in ("en", "de")
    for scale in (1.0, 1.3, 1.5, 2.0)
    for look in ((Appearance.LIGHT, Appearance.DARK) if scale == 1.0 else (Appearance.LIGHT,))
)


def seen(shell: Shell) -> Iterator[Widget]:
    """Find the widgets on the uppermost layer and within the window."""
    bars = [each for each in shell.ids.overlays.children if isinstance(each, Snackbar)]
    overlays = [each for each in shell.ids.overlays.children if each not in bars]
    for widget in _visible(overlays[0] if overlays else shell):
        # A snackbar lies over the screen for some seconds, as it is meant to.
        if not any(_over(bar, widget) for bar in bars):
            yield widget


def _over(bar: Snackbar, widget: Widget) -> bool:
    """Whether a snackbar lies over the widget, or a part of it."""
    own = bar is widget or any(each is widget for each in bar.walk(restrict=True))
    (left, bottom, right, top), (x, y, x2, y2) = _box(bar), _box(widget)
    return not own and min(right, x2) > max(left, x) and min(top, y2) > max(bottom, y)


def _visible(widget: Widget) -> Iterator[Widget]:
    if widget.opacity == 0:
        return
    yield widget
    for child in widget.children:
        yield from _visible(child)


def _box(widget: Widget) -> tuple[float, float, float, float]:
    left, bottom = widget.to_window(*widget.pos)
    return left, bottom, left + widget.width, bottom + widget.height


def _in_view(widget: Widget) -> bool:
    """Wholly: what is scrolled out of a list is seen another time."""
    left, bottom, right, top = _box(widget)
    if bottom < 0 or top > Window.height:
        return False
    parent = widget.parent
    while parent is not None and parent is not parent.parent:
        if hasattr(parent, "scroll_y"):
            _, low, _, high = _box(parent)
            if bottom < low - 1 or top > high + 1:
                return False
        parent = parent.parent
    return right > left


def small(widget: Widget) -> bool:
    narrow = isinstance(widget, DayBar) and Window.width < ROOM_FOR_SEVEN
    least = LEAST_OF_SEVEN if narrow else LEAST
    return not widget.disabled and min(widget.width, widget.height) < least - 0.5


def cut(text: Text) -> bool:
    """Less room than the strings take; one that is shortened says so itself, by an ellipsis."""
    if not text.text or text.shorten:
        return False
    left, _, right, _ = _box(text)
    wide, high = text.texture_size
    outside = left < -1 or right > Window.width + 1
    return outside or wide > text.width + 1 or high > text.height + 1


def stale(text: Text) -> bool:
    """Of another size than the device has now: made before, and used again."""
    size = font_pixels(SIZES[text.font_style, text.role])
    expected = min(size, max(text.largest, 6)) if text.largest else size
    return bool(text.text) and abs(text.font_size - expected) > 0.5


def ambiguous(text: Text) -> bool:
    """A name so short of room that an ellipsis leaves too few of its letters."""
    if not (text.shorten and text.bold and text.text):
        return False
    natural = text_width(text.text, text.font_style, text.role, bold=True)
    return len(text.text) * text.width / natural < min(len(text.text) - 1, LEAST_LETTERS)


def overlapping(texts: list[Text]) -> list[str]:
    boxes = [(text, _ink(text)) for text in texts if text.text]
    return [
        f"{one.text} | {other.text}"
        for index, (one, a) in enumerate(boxes)
        for other, b in boxes[index + 1 :]
        if min(a[2], b[2]) - max(a[0], b[0]) > 1 and min(a[3], b[3]) - max(a[1], b[1]) > 2
    ]


def _ink(text: Text) -> tuple[float, float, float, float]:
    left, bottom, right, top = _box(text)
    wide, high = text.texture_size
    shift = {"center": (right - left - wide) / 2, "right": right - left - wide}
    left += shift.get(text.halign, 0)
    middle = (bottom + top) / 2
    return left, middle - high / 2, left + wide, middle + high / 2


def pale(texts: list[Text]) -> list[str]:
    """Find texts with too little contrast to what is really drawn behind them."""
    width, height = Window.size
    pixels = glReadPixels(0, 0, width, height, GL_RGBA, GL_UNSIGNED_BYTE)
    found = []
    for text in texts:
        if not text.text or text.disabled:
            continue
        left, bottom, right, top = (int(each) for each in _ink(text))
        across = range(max(0, left), min(width, right), 4)
        ground = Counter(
            pixels[(row * width + column) * 4 : (row * width + column) * 4 + 3]
            for row in range(max(0, bottom), min(height, top), 4)
            for column in across
        )
        if not ground:
            continue
        behind = [part / 255 for part in ground.most_common(1)[0][0]]
        ratio = _contrast(text.color[:3], behind)
        if ratio < LEAST_CONTRAST:
            found.append(f"{text.text} {ratio:.1f}")
    return found


def _contrast(one: list[float], other: list[float]) -> float:
    """As WCAG 2 has it."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: list[float]) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def faults(shell: Shell, name: str) -> list[str]:
    widgets = [each for each in seen(shell) if _in_view(each)]
    texts = [each for each in widgets if isinstance(each, Text)]
    problems = [
        f"small: {type(each).__name__} {getattr(each, 'text', '')} {each.size}"
        for each in widgets
        if isinstance(each, TARGETS) and small(each)
    ]
    problems += [f"cut: {each.text} {each.texture_size} {each.size}" for each in texts if cut(each)]
    problems += [f"stale: {each.text} {each.font_size}" for each in texts if stale(each)]
    problems += [f"ambiguous: {each.text}" for each in texts if ambiguous(each)]
    problems += [f"overlap: {each}" for each in overlapping(texts)]
    problems += [f"pale: {each}" for each in pale(texts)]
    return [f"{name}: {each}" for each in problems]


def walk(
    app: TimesheetsApp, resolutions: Collection[Resolution], scenes: Collection[str]
) -> dict[str, list[str]]:
    problems: dict[str, list[str]] = {}
    for language, scale, appearance in resolutions:
        Metrics.fontscale = scale
        app.set_appearance(appearance)
        app.set_language(language)
        found = problems[f"{language} {scale} {appearance}"] = []
        for name in scenes:
            SCENES[name](app.shell)
            # A list measures its rows, and then what stands below it is placed.
            settle(4)
            found += faults(app.shell, name)
            tidy(app.shell)
    Metrics.fontscale = 1.0
    return problems


async def look() -> dict[str, list[str]]:
    with tempfile.TemporaryDirectory() as place:
        async with make_client() as http:
            clock = StillClock()
            session = make_session(http, Path(place), clock)
            fill(session.open_sample())
            model = make_model(session)
            preferences = Preferences(Path(place) / "preferences.json")
            app = TimesheetsApp(model, NoBrowser(), preferences, clock)
            enter(model)
            app.run_quietly()
            problems = walk(app, ALL_WAYS, SCENES)
            app.shell.leave()
            await session.close()
    return problems


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(look())))
