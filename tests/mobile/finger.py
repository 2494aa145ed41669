"""A finger on the window, for the tests that drive real widgets."""

from __future__ import annotations

import time
from collections.abc import Callable

from kivy.base import EventLoop
from kivy.core.window import Window
from kivy.input.motionevent import MotionEvent
from kivy.uix.widget import Widget


class Finger(MotionEvent):
    """A touch, as a touch screen reports it."""

    def __init__(self, x: float, y: float) -> None:
        super().__init__("finger", 1, _share(x, y), is_touch=True, type_id="touch")

    def depack(self, args: tuple[float, float]) -> None:
        self.sx, self.sy = args
        self.profile = ["pos"]
        super().depack(args)

    def press(self) -> None:
        EventLoop.post_dispatch_input("begin", self)

    def slide_to(self, x: float, y: float) -> None:
        self.move(_share(x, y))
        EventLoop.post_dispatch_input("update", self)

    def lift(self) -> None:
        EventLoop.post_dispatch_input("end", self)


def _share(x: float, y: float) -> tuple[float, float]:
    """Of the window, as input comes."""
    return x / (Window.width - 1), y / (Window.height - 1)


def middle(widget: Widget) -> tuple[float, float]:
    return widget.to_window(*widget.center)


def until(reached: Callable[[], bool], seconds: float = 20.0) -> None:
    """Let frames pass until it is reached; who looks afterwards sees if it never was."""
    end = time.monotonic() + seconds
    while not reached() and time.monotonic() < end:
        EventLoop.idle()
    EventLoop.idle()


def press_key(key: int, held: list[str] | None = None) -> None:
    """Press a key, with those that are held meanwhile."""
    Window.dispatch("on_key_down", key, 0, "", held or [])
