"""Everything that can be pressed: rows, icons, chips and buttons."""

from __future__ import annotations

from kivy.metrics import dp
from kivy.properties import BooleanProperty, StringProperty
from kivy.uix.behaviors import ButtonBehavior
from kivymd.uix.boxlayout import MDBoxLayout
from kivymd.uix.button import MDIconButton
from kivymd.uix.label import MDIcon
from kivymd.uix.relativelayout import MDRelativeLayout

from mobile.ui import text as _text  # noqa: F401 - its rules are used in buttons.kv
from mobile.ui.layout import load_kv
from mobile.ui.lightweight import LazyRipple, Ripple


class TappableRow(Ripple, ButtonBehavior, MDBoxLayout):
    """A row that can be tapped."""


class TappableArea(Ripple, ButtonBehavior, MDRelativeLayout):
    """The same, for what lies over one another."""


class IconButton(LazyRipple, MDIconButton):
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
        has_icon = bool(self.icon or (self.active and self.ticks))
        if has_icon and self._icon is None:
            self._icon = ChipIcon()
        if self._icon is None:
            return
        self._icon.icon, self._icon.active = self.icon or "check", self.active
        if has_icon and self._icon.parent is None:
            self.add_widget(self._icon, index=len(self.children))
        elif not has_icon and self._icon.parent is not None:
            self.remove_widget(self._icon)


class ChipIcon(MDIcon):
    active = BooleanProperty(False)


class PushButton(TappableArea):
    """A button of Material 3: filled, tonal, outlined or text."""

    text = StringProperty()
    kind = StringProperty("filled")

    @property
    def natural_width(self) -> float:
        """The width that the text needs, whatever the layout makes of it."""
        return float(max(dp(88), self.ids.action_text.width + dp(48)))


load_kv(__file__)
