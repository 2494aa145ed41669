"""What several screens are made of; colours come from the theme's roles alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from weakref import WeakMethod, finalize

from kivy.clock import Clock
from kivy.core.text import Label as CoreLabel
from kivy.core.window import Window, WindowBase
from kivy.lang import Builder
from kivy.metrics import dp, sp
from kivy.properties import (
    BooleanProperty,
    ColorProperty,
    NumericProperty,
    ObjectProperty,
    StringProperty,
)
from kivy.uix.behaviors import ButtonBehavior
from kivy.uix.floatlayout import FloatLayout
from kivy.uix.label import Label
from kivy.uix.widget import Widget
from kivy.utils import platform
from kivymd.app import MDApp
from kivymd.theming import ThemableBehavior
from kivymd.uix.boxlayout import MDBoxLayout
from kivymd.uix.button import MDIconButton
from kivymd.uix.label import MDIcon
from kivymd.uix.relativelayout import MDRelativeLayout

from mobile.ui.lean import LateRipple, Ripple

# From these widths on: a rail at the side, list and detail beside each other.
RAIL_WIDTH, SPLIT_WIDTH = 600, 840
# A keyboard on the screen takes less than this leaves.
PHONES, ROOM_WHILE_TYPING = ("android", "ios"), 0.52


def load_kv(module_file: str) -> None:
    """The .kv beside a .py, once."""
    path = str(Path(module_file).with_suffix(".kv"))
    if path not in Builder.files:
        Builder.load_file(path, encoding="utf8")


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
    """How wide a text is in one line."""
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

    def __init__(self, **options: object) -> None:
        self.theme_cls = MDApp.get_running_app().theme_cls
        super().__init__(**options)
        self._watch_theme()
        # The whole text at its true size, and the widget as large as that where it is to adapt.
        self.bind(texture_size=self._fit, width=self._wrap, text_color=self._paint)
        for name in ("font_style", "role"):
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
        self.font_size = sp(SIZES.get((self.font_style, self.role), 16))

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


class Tap(Ripple, ButtonBehavior, MDBoxLayout):
    """A row that can be tapped."""


class TapArea(Ripple, ButtonBehavior, MDRelativeLayout):
    """The same, for what lies over one another."""


class IconTap(LateRipple, MDIconButton):
    """An icon of at least 48 dp."""


class Chip(ButtonBehavior, MDBoxLayout):
    """A choice; the chosen one has a tick, not its colour alone.

    Without `ticks`, where the room is too small for one, it has no outline and is bold.
    """

    text = StringProperty()
    ticks = BooleanProperty(True)
    icon = StringProperty()
    active = BooleanProperty(False)

    def __init__(self, **options: object) -> None:
        super().__init__(**options)
        self._icon: ChipIcon | None = None
        self._ready = True
        self._show_icon()

    def on_active(self, *_arguments: object) -> None:
        if getattr(self, "_ready", False):
            self._show_icon()

    def _show_icon(self) -> None:
        wanted = bool(self.icon or (self.active and self.ticks))
        if wanted and self._icon is None:
            self._icon = ChipIcon()
        if self._icon is None:
            return
        self._icon.icon, self._icon.active = self.icon or "check", self.active
        if wanted and self._icon.parent is None:
            self.add_widget(self._icon, index=len(self.children))
        elif not wanted and self._icon.parent is not None:
            self.remove_widget(self._icon)


class ChipIcon(MDIcon):
    active = BooleanProperty(False)


class Action(TapArea):
    """A button of Material 3: filled, tonal, outlined or text."""

    text = StringProperty()
    kind = StringProperty("filled")


class Meter(ThemableBehavior, Widget):
    """How much of something is done; `share` from nought to one."""

    share = NumericProperty(0)


class Panel(MDBoxLayout):
    pass


class Empty(MDBoxLayout):
    """What an empty list says to do next."""

    icon = StringProperty("check-circle-outline")
    title = StringProperty()
    hint = StringProperty()


class HeadLine(MDBoxLayout):
    text = StringProperty()


class Pair(MDBoxLayout):
    """A name at the left, a figure at the right, perhaps a line below."""

    name = StringProperty()
    figure = StringProperty()
    below = StringProperty()


class ErrorLine(MDBoxLayout):
    text = StringProperty()


class QuietLine(MDBoxLayout):
    text = StringProperty()


class Field(MDBoxLayout):
    """A text field with its error in words below."""

    text = StringProperty()
    hint = StringProperty()
    error = StringProperty()
    lines = NumericProperty(1)
    # Kivy takes whatever begins with on_ for an event, and drops it where there is none.
    tell: Callable[[str], None] | None = ObjectProperty(None, allownone=True)

    def focused(self, focus: bool) -> None:
        """On a phone the keyboard comes or goes: what is typed into stays in view, and in a sheet
        the buttons at its foot too."""
        sheet = self.parent
        while sheet is not None and not isinstance(sheet, Sheet | WindowBase):
            sheet = sheet.parent
        in_sheet = isinstance(sheet, Sheet)
        Window.softinput_mode = "pan" if in_sheet else "below_target"
        if in_sheet:
            sheet.make_room(self if focus else None)

    def typed(self, text: str) -> None:
        if text != self.text:
            self.text = text
            if self.tell is not None:
                self.tell(text)


class Sheet(ThemableBehavior, FloatLayout):
    """Comes up from below on a phone and from the side on a tablet."""

    title = StringProperty()
    beside = BooleanProperty(False)
    # How much of the height is left: the rest is the keyboard's while somebody types.
    room = NumericProperty(1)

    def __init__(self, on_close: Callable[[], None] = lambda: None, **options: object) -> None:
        super().__init__(**options)
        self._on_close = on_close
        self.bind(width=self._place)

    def _place(self, *_arguments: object) -> None:
        self.beside = self.width >= dp(RAIL_WIDTH)

    def make_room(self, field: Field | None) -> None:
        """For the keyboard below, where there is one on the screen."""
        self.room = ROOM_WHILE_TYPING if field is not None and platform in PHONES else 1
        if field is not None:
            Clock.schedule_once(lambda _dt: self.ids.scroll.scroll_to(field))

    def on_touch_down(self, touch: object) -> bool:
        if not self.ids.card.collide_point(*touch.pos):
            self.close()
            return True
        super().on_touch_down(touch)
        return True

    def close(self) -> None:
        if self.parent is not None:
            self.parent.remove_widget(self)
            self._on_close()


load_kv(__file__)
