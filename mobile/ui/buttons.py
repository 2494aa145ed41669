"""Everything that can be pressed: rows, icons, chips and buttons."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from kivy.clock import Clock
from kivy.metrics import dp, sp
from kivy.properties import BooleanProperty, NumericProperty, StringProperty
from kivy.uix.behaviors import ButtonBehavior
from kivy.uix.widget import Widget
from kivymd.uix.boxlayout import MDBoxLayout
from kivymd.uix.button import MDIconButton
from kivymd.uix.label import MDIcon
from kivymd.uix.relativelayout import MDRelativeLayout

from mobile.ui.layout import load_kv
from mobile.ui.lightweight import LazyRipple, Ripple
from mobile.ui.text import SIZES, font_pixels, text_width

# A widget is so wide until a layout has given it a width.
UNPLACED = 100
LONGEST_CHIP = 240
# The font of a chip shrinks to this share of its size at most.
LEAST_SHARE = 0.8


class TappableRow(Ripple, ButtonBehavior, MDBoxLayout):
    """A row that can be tapped."""


class TappableArea(Ripple, ButtonBehavior, MDRelativeLayout):
    """The same, for what lies over one another."""


class IconButton(LazyRipple, MDIconButton):
    """An icon of at least 48 dp; with `accent` in the colour of what is to be done here."""

    accent = BooleanProperty(False)


class Chip(ButtonBehavior, MDBoxLayout):
    """A choice; the chosen one has a tick, not its colour alone.

    Without `ticks`, where the room is too small for one, it has no outline and is bold. That of a
    `project` has a dot in the project's colour where its tick will be, and so keeps its width:
    what lies below stays in its place when it is chosen.
    """

    text = StringProperty()
    ticks = BooleanProperty(True)
    icon = StringProperty()
    project = StringProperty()
    active = BooleanProperty(False)
    least = NumericProperty(0)
    # The text takes this width at most: its font shrinks if a little is enough, or it is shortened.
    longest = NumericProperty(dp(LONGEST_CHIP))
    largest = NumericProperty(0)

    def __init__(self, **options: object) -> None:
        super().__init__(**options)
        self.bind(parent=_watch_width)
        self._icon: ChipIcon | None = None
        self._ready = True
        self._show_icon()

    def limit(self, width: float) -> None:
        """Stay within the width of the layout, with an icon beside the text."""
        self.longest = min(dp(LONGEST_CHIP), width - dp(38) - sp(18))
        self._shrink()

    def on_text(self, *_arguments: object) -> None:
        self._shrink()

    def _shrink(self) -> None:
        natural = text_width(self.text, "Label", "large", bold=True)
        share = self.longest / natural if natural else 1
        # Otherwise an ellipsis in the middle is easier to read than small letters.
        helps = LEAST_SHARE <= share < 1
        self.largest = font_pixels(SIZES["Label", "large"]) * share if helps else 0
        if self.project:
            self.least = min(natural, self.longest) + dp(38) + sp(18)

    def on_active(self, *_arguments: object) -> None:
        if getattr(self, "_ready", False):
            self._show_icon()

    def _show_icon(self) -> None:
        has_icon = bool(self.icon or self.project or (self.active and self.ticks))
        if has_icon and self._icon is None:
            self._icon = ChipIcon(project=self.project)
        if self._icon is None:
            return
        dotted = self.project and not self.active
        self._icon.icon = self.icon or ("circle" if dotted else "check")
        self._icon.active = self.active
        if has_icon and self._icon.parent is None:
            self.add_widget(self._icon, index=len(self.children))
        elif not has_icon and self._icon.parent is not None:
            self.remove_widget(self._icon)


class ChipIcon(MDIcon):
    """The icon of a chip; that of a project has the project's colour until it is chosen."""

    project = StringProperty()
    active = BooleanProperty(False)


class PushButton(TappableArea):
    """A button of Material 3: filled, tonal, outlined or text. Its text wraps if it must."""

    text = StringProperty()
    kind = StringProperty("filled")
    longest = NumericProperty(0)
    # The room left and right of the text, in dp: less where nothing is drawn around it.
    margin = NumericProperty(24)

    def __init__(self, **options: object) -> None:
        super().__init__(**options)
        self.bind(parent=_watch_width)

    def on_kind(self, *_arguments: object) -> None:
        self.margin = 12 if self.kind == "text" else 24

    def limit(self, width: float) -> None:
        """Stay within the width of the layout."""
        if self.size_hint_x is None:
            self.longest = max(dp(40), width - dp(2 * self.margin))

    def on_width(self, *_arguments: object) -> None:
        if self.size_hint_x is not None and self.width > UNPLACED:
            self.longest = max(dp(40), self.width - dp(32))

    @property
    def natural_width(self) -> float:
        """The width that the text needs in one line, whatever the layout makes of it."""
        least = dp(88 - 2 * (24 - self.margin))
        return max(least, text_width(self.text, "Label", "large") + dp(2 * self.margin))


def _watch_width(widget: Chip | PushButton, parent: Widget | None) -> None:
    """Keep the widget within its layout, unless the layout adapts to the widget."""
    if parent is None or parent.size_hint_x is None:
        return

    def limit(parent: Widget, _width: float) -> None:
        if parent.width > UNPLACED and widget.parent is parent:
            left, _, right, _ = getattr(parent, "padding", (0, 0, 0, 0))
            widget.limit(parent.width - left - right)

    limit(parent, parent.width)
    parent.bind(width=limit)


class ButtonRow(MDBoxLayout):
    """Buttons side by side, or one above the other where they do not fit.

    Call `arrange` when the text of a button has changed.
    """

    stacked = BooleanProperty(False)

    def __init__(self, **options: object) -> None:
        super().__init__(**options)
        # The width that each button asks for where they stand side by side.
        self._hints: WeakKeyDictionary[PushButton, float | None] = WeakKeyDictionary()
        # In the next frame: a button that is being added has no text and no rules yet.
        self.arrange = Clock.create_trigger(self._arrange)
        self.bind(width=self.arrange, children=self.arrange)

    def _arrange(self, *_arguments: object) -> None:
        buttons = [each for each in self.children if isinstance(each, PushButton)]
        left, _, right, _ = self.padding
        needed = sum(each.natural_width + self.spacing for each in buttons) - self.spacing
        self.stacked = len(buttons) > 1 and needed > self.width - left - right > 0
        self.orientation = "vertical" if self.stacked else "horizontal"
        for button in buttons:
            usual = self._hints.setdefault(button, button.size_hint_x)
            button.size_hint_x = 1 if self.stacked else usual


load_kv(__file__)
