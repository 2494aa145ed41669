"""Shows a state at a glance: always an icon and a word, never a colour alone."""

from __future__ import annotations

from kivy.properties import (
    AliasProperty,
    BooleanProperty,
    ColorProperty,
    NumericProperty,
    OptionProperty,
    StringProperty,
)
from kivymd.uix.boxlayout import MDBoxLayout

from mobile.core.rules import ApprovalState, State
from mobile.ui import copying as _copying  # noqa: F401 - its rules are used in status.kv
from mobile.ui.layout import load_kv
from mobile.ui.text import text_width

ICONS = {
    State.OPEN: "circle-outline",
    State.SUBMITTED: "send-check",
    State.APPROVED: "check-decagram",
    ApprovalState.REJECTED: "alert-circle-outline",
    ApprovalState.PENDING: "account-clock-outline",
    ApprovalState.WITHDRAWN: "undo-variant",
    State.UNKNOWN: "help-circle-outline",
}
KINDS = {
    State.SUBMITTED: "sent",
    State.APPROVED: "good",
    ApprovalState.REJECTED: "bad",
}


class Tag(MDBoxLayout):
    """A remark; a calm one says that there is nothing to remark."""

    text = StringProperty()
    icon = StringProperty()
    calm = BooleanProperty(False)
    ground, ink = ColorProperty(), ColorProperty()
    # Its text is shortened to this width; 0 for no limit.
    longest = NumericProperty(0)


class StateChip(MDBoxLayout):
    """As long as what it says, over several lines if need be."""

    text = StringProperty()
    icon = StringProperty("circle-outline")
    # As wide as it may be, and as its strings would be in one line.
    widest = NumericProperty(0)
    natural = NumericProperty(0)
    kind = OptionProperty("plain", options=("plain", "sent", "good", "bad"))
    ink = ColorProperty()

    def __init__(self, **options: object) -> None:
        super().__init__(**options)
        self.theme_cls.bind(onSurfaceColor=self._colour)
        self._colour()

    def on_kind(self, *_arguments: object) -> None:
        self._colour()

    def show(self, state: str, text: str) -> None:
        """Show a state in its colour."""
        self.icon, self.kind, self.text = ICONS[state], KINDS.get(state, "plain"), text

    def on_text(self, *_arguments: object) -> None:
        self.natural = text_width(self.text, "Body", "medium")

    def _colour(self, *_arguments: object) -> None:
        roles = {
            "plain": "onSurfaceColor",
            "sent": "onSecondaryContainerColor",
            "good": "onPrimaryContainerColor",
            "bad": "onSurfaceColor",
        }
        self.ink = getattr(self.theme_cls, roles[self.kind])


class LockLine(MDBoxLayout):
    """A padlock, and in a sentence why."""

    text = StringProperty()


class Avatar(MDBoxLayout):
    """A person's picture in a circle, or their initials."""

    name = StringProperty()
    picture = StringProperty()

    def _initials(self) -> str:
        return "".join(part[0] for part in self.name.split()[:2]).upper()

    initials = AliasProperty(_initials, bind=("name",))


load_kv(__file__)
