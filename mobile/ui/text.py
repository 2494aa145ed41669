"""Text in the type scale and colour roles of Material 3."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from weakref import WeakMethod, finalize

from kivy.metrics import Metrics, dp, sp
from kivy.properties import BooleanProperty, ColorProperty, NumericProperty, StringProperty
from kivy.uix.label import Label
from kivy.uix.widget import Widget
from kivymd.app import MDApp

from mobile.ui.fonts import VisualLabel, font_of, script_of
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


# Sizes in sp and what they are at a text size of 2.0: large text grows less, as since Android 14.
DOUBLED = ((14, 26), (18, 30), (20, 34), (24, 36), (30, 38), (100, 100))


def font_pixels(size: float) -> float:
    """The size in pixels of a font of `size` sp at the device's text size."""
    more = Metrics.fontscale - 1
    if more <= 0 or size <= DOUBLED[0][0]:
        return float(sp(size))
    for (low, low_doubled), (high, high_doubled) in pairwise(DOUBLED):
        if size <= high:
            share = (size - low) / (high - low)
            doubled = low_doubled + share * (high_doubled - low_doubled)
            return float(dp(size + (doubled - size) * more))
    return float(dp(size))


def text_width(text: str, font_style: str, role: str, *, bold: bool = False) -> float:
    """The width of a text in one line."""
    return _measured(text, font_pixels(SIZES[font_style, role]), None, bold)[0]


def text_height(text: str, font_style: str, role: str, width: float) -> float:
    """The height of a text in as many lines as it needs at this width."""
    return _measured(text, font_pixels(SIZES[font_style, role]), width)[1]


@lru_cache(2000)
def _measured(
    text: str, font_size: float, width: float | None, bold: bool = False
) -> tuple[float, float]:
    drawn = VisualLabel(
        text=text,
        font_size=font_size,
        text_size=(width, None),
        bold=bold,
        font_name=font_of(text),
        font_script_name=script_of(text),
    )
    drawn.refresh()
    return float(drawn.width), float(drawn.height)


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
    # With adaptive_size: wider than this it is shortened, or wrapped.
    longest = NumericProperty(0)
    wraps = BooleanProperty(False)
    # For a single line, the font is no larger than this, in pixels; 0 for no limit.
    largest = NumericProperty(0)

    def __init__(self, **options: object) -> None:
        # Before anything is measured.
        text = str(options.get("text", ""))
        self.font_name, self.font_script_name = font_of(text), script_of(text)
        self.theme_cls = MDApp.get_running_app().theme_cls
        super().__init__(**options)
        self._watch_theme()
        # The whole text at its true size, and the widget as large as that where it is to adapt.
        self.bind(texture_size=self._fit, width=self._widen, text_color=self._paint)
        self.bind(longest=self._limit, text=self._limit)
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
        size = font_pixels(SIZES.get((self.font_style, self.role), 16))
        self.font_size = min(size, max(self.largest, 6)) if self.largest else size

    def _paint(self, *_arguments: object) -> None:
        # The widget around a disabled text pales as a whole.
        self.color = self.disabled_color = self.text_color or self.theme_cls.onSurfaceColor

    def _wrap(self, *_arguments: object) -> None:
        if self.adaptive_size:
            # Whole first: `_fit` sees whether it is too wide.
            self.shorten, self.text_size = False, (None, None)
        else:
            self.text_size = (self.width, None)

    def _widen(self, *_arguments: object) -> None:
        """The widget has another width; one that adapts to its text has made that itself."""
        if not self.adaptive_size:
            self._wrap()

    def _create_label(self) -> None:
        if self._label is None:
            options = {name: getattr(self, name) for name in self._font_properties}
            self._label = VisualLabel(**options, usersize=self.text_size)

    def on_text(self, _text: object, text: str) -> None:
        self.font_name, self.font_script_name = font_of(text), script_of(text)

    def _limit(self, *_arguments: object) -> None:
        if self.longest:
            self._wrap()
            self._fit()

    def _fit(self, *_arguments: object) -> None:
        if self.adaptive_size:
            if self.longest and self.texture_size[0] > self.longest:
                self.shorten, self.text_size = not self.wraps, (self.longest, None)
            self.size_hint = (None, None)
            self.size = self.texture_size
        elif self.adaptive_height:
            self.size_hint_y = None
            self.height = self.texture_size[1] if self.text else 0

    def on_kv_post(self, _base: Widget) -> None:
        self._wrap()
        self._fit()


load_kv(__file__)
