"""Text in the type scale and colour roles of Material 3."""

from __future__ import annotations

from functools import cache
from weakref import WeakMethod, finalize

from kivy.core.text import Label as CoreLabel
from kivy.metrics import sp
from kivy.properties import BooleanProperty, ColorProperty, NumericProperty, StringProperty
from kivy.uix.label import Label
from kivy.uix.widget import Widget
from kivymd.app import MDApp

from mobile.ui.layout import load_kv

# Sizes in sp by style and role, as Material 3 has them.
SIZES = {
    ("Display", "large"): 57,
    ("Headline", "small"): 24,
    ("Title", "large"): 22,
    ("Title", "medium"): 16,
    ("Title", "small"): 14,
    ("Body", "large"): 16,
    ("Body", "medium"): 14,
    ("Body", "small"): 12,
    ("Label", "large"): 14,
    ("Label", "medium"): 12,
    ("Label", "small"): 11,
}


@cache
def text_width(text: str, font_style: str, role: str) -> float:
    """The width of a text in one line."""
    drawn = CoreLabel(text=text, font_size=sp(SIZES[font_style, role]))
    drawn.refresh()
    return float(drawn.width)


class Text(Label):
    """A text in a role of Material 3.

    KivyMD's own label takes several times as long to make, and a sheet has dozens of them.
    """

    font_style = StringProperty("Body")
    role = StringProperty("large")
    adaptive_height = BooleanProperty(False)
    adaptive_size = BooleanProperty(False)
    theme_text_color = StringProperty("Primary")
    text_color = ColorProperty(None, allownone=True)
    # With adaptive_size: wider than this it is shortened.
    longest = NumericProperty(0)
    # For a single line, the font is no larger than this, in pixels; 0 for no limit.
    largest = NumericProperty(0)

    def __init__(self, **options: object) -> None:
        self.theme_cls = MDApp.get_running_app().theme_cls
        super().__init__(**options)
        self._watch_theme()
        # The whole text at its true size, and the widget as large as that where it is to adapt.
        self.bind(texture_size=self._fit, width=self._wrap, text_color=self._paint)
        for name in ("font_style", "role", "largest"):
            self.bind(**{name: self._measure})
        self._measure()
        self._paint()
        self._wrap()

    def _watch_theme(self) -> None:
        """Not by bind, which looks through all that others have bound; and so that the theme does
        not keep alive what is long gone from the screen."""
        paint = WeakMethod(self._paint)

        def repaint(*_arguments: object) -> None:
            if (alive := paint()) is not None:
                alive()

        uid = self.theme_cls.fbind("onSurfaceColor", repaint)
        finalize(self, self.theme_cls.unbind_uid, "onSurfaceColor", uid)

    def _measure(self, *_arguments: object) -> None:
        size = sp(SIZES.get((self.font_style, self.role), 16))
        self.font_size = min(size, max(self.largest, 6)) if self.largest else size

    def _paint(self, *_arguments: object) -> None:
        self.color = self.text_color or self.theme_cls.onSurfaceColor

    def _wrap(self, *_arguments: object) -> None:
        if self.adaptive_size:
            self.text_size = (None, None)
        else:
            self.text_size = (self.width, None)

    def _fit(self, *_arguments: object) -> None:
        if self.adaptive_size:
            if self.longest and self.texture_size[0] > self.longest:
                self.shorten, self.text_size = True, (self.longest, None)
            self.size_hint = (None, None)
            self.size = self.texture_size
        elif self.adaptive_height:
            self.size_hint_y = None
            self.height = self.texture_size[1] if self.text else 0

    def on_kv_post(self, _base: Widget) -> None:
        self._wrap()
        self._fit()


load_kv(__file__)
