"""The keyboard on desktops: Tab moves a visible focus, Enter and Space press what has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from weakref import ref

from kivy.core.window import Window
from kivy.graphics import Color, InstructionGroup, Line
from kivy.metrics import dp
from kivy.uix.behaviors import ButtonBehavior
from kivy.uix.textinput import TextInput
from kivy.uix.widget import Widget

TAB, PRESS, NEW = 9, (13, 271, 32), ord("n")


class FocusRing:
    """Walks what can be pressed or typed into on the uppermost layer, in reading order.

    `layer` gives that layer, `color` that of the ring, `on_new` is what Ctrl+N does.
    """

    def __init__(
        self,
        layer: Callable[[], Widget],
        color: Callable[[], list[float]],
        on_new: Callable[[], None],
    ) -> None:
        self._layer = layer
        self._color = color
        self._on_new = on_new
        self._focused: Callable[[], Widget | None] = lambda: None
        self._ring = InstructionGroup()
        Window.bind(on_key_down=self._on_key_down, on_touch_down=self._hide)

    def leave(self) -> None:
        """Stop listening to the keyboard."""
        self._hide()
        Window.unbind(on_key_down=self._on_key_down, on_touch_down=self._hide)

    def _on_key_down(
        self, _window: object, key: int, _code: int, _text: str, held: list[str]
    ) -> bool:
        if key == TAB:
            self.move(-1 if "shift" in held else 1)
            return True
        if key == NEW and "ctrl" in held:
            self._on_new()
            return True
        widget = self._focused()
        if key in PRESS and isinstance(widget, ButtonBehavior) and _shown(widget):
            widget.dispatch("on_press")
            widget.dispatch("on_release")
            return True
        return False

    def move(self, step: int) -> None:
        """Focus the next widget, or the one before."""
        found = sorted(_reachable(self._layer()), key=_reading_order)
        if not found:
            return
        present = self._focused()
        index = found.index(present) + step if present in found else (0 if step > 0 else -1)
        self._focus(found[index % len(found)])

    def _focus(self, widget: Widget) -> None:
        self._hide()
        self._focused = ref(widget)
        if isinstance(widget, TextInput):
            widget.focus = True
            return
        self._ring.clear()
        self._ring.add(Color(*self._color()))
        x, y, width, height = widget.x - 1, widget.y - 1, widget.width + 2, widget.height + 2
        self._ring.add(Line(width=dp(1.5), rounded_rectangle=(x, y, width, height, dp(8))))
        widget.canvas.after.add(self._ring)

    def _hide(self, *_arguments: object) -> None:
        widget = self._focused()
        if isinstance(widget, TextInput):
            widget.focus = False
        elif widget is not None:
            widget.canvas.after.remove(self._ring)
        self._focused = lambda: None


def _reachable(layer: Widget) -> Iterator[Any]:
    """Find the widgets that are shown, enabled and can be pressed or typed into."""
    if layer.disabled or layer.opacity == 0:
        return
    if isinstance(layer, ButtonBehavior | TextInput) and _shown(layer):
        yield layer
    for child in layer.children:
        yield from _reachable(child)


def _shown(widget: Widget) -> bool:
    x, y = widget.to_window(*widget.pos)
    inside = y >= -1 and y + widget.height <= Window.height + 1 and x + widget.width > 0
    return bool(inside and min(widget.width, widget.height) > dp(8))


def _reading_order(widget: Widget) -> tuple[int, float]:
    """By rows from the top, and from the left within a row."""
    x, y = widget.to_window(*widget.pos)
    return -round((y + widget.height) / dp(24)), x
