"""KivyMD made to draw less: nothing that cannot be seen, and no shader before its time."""

from __future__ import annotations

from typing import Any

from kivy.clock import Clock
from kivy.lang import Builder
from kivy.uix.recycleview import views
from kivy.uix.widget import Widget
from kivymd.uix.behaviors import RectangularRippleBehavior

# KivyMD gives each of its widgets a rotation, a background and a border, most of them without a
# colour. Filled all the same, they were three quarters of what a frame took.
Builder.unload_file("BackgroundColorBehavior.kv")
Builder.load_string(
    """
<BackgroundColorBehavior>:
    canvas:
        Color:
            group: "backgroundcolor-behavior-bg-color"
            rgba: self._md_bg_color
        RoundedRectangle:
            group: "Background_instruction"
            size: self.size if self._md_bg_color[3] else (0, 0)
            pos: (0, 0) if isinstance(self, RelativeLayout) else self.pos
            radius: self.radius or [0, 0, 0, 0]
""",
    filename="lightweight.kv",
)


class LazyRipple:
    """Its shader is compiled by the first touch instead of with each widget."""

    fbo = None

    def init_fbos(self) -> None:
        """Not yet."""

    def call_ripple_animation_methods(self, touch: Any) -> None:
        if self.fbo is None:
            super().init_fbos()
        super().call_ripple_animation_methods(touch)


class Ripple(LazyRipple, RectangularRippleBehavior):
    """The wave below a touch."""


def forget_rows() -> None:
    """Drop the rows that Kivy keeps for any list: they have the text size they were made with."""
    views._cached_views.clear()
    views._cache_count = 0


class RowPool:
    """For a RecycleView: makes a row a frame until there are enough for the wildest fling.

    To make one takes as long as half a frame, and a fling asks for as many as are seen at once.
    """

    row_class: type[Widget]
    SPARES = 12

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        Clock.schedule_interval(self._make_one, 0)

    def _make_one(self, _dt: float) -> bool:
        spare = self.view_adapter.dirty_views[self.row_class]
        number = len(spare) + 1
        spare[-number] = self.row_class()  # belongs to no place in the list yet
        return number < self.SPARES
