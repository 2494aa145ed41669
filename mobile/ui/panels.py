"""Containers and labelled values that several screens share."""

from __future__ import annotations

from kivy.properties import NumericProperty, StringProperty
from kivy.uix.widget import Widget
from kivymd.theming import ThemableBehavior
from kivymd.uix.boxlayout import MDBoxLayout

from mobile.ui import copying as _copying  # noqa: F401 - its rules are used in panels.kv
from mobile.ui.layout import load_kv


class Progress(ThemableBehavior, Widget):
    """A bar of progress; `share` from 0 to 1."""

    share = NumericProperty(0)


class Panel(MDBoxLayout):
    """A rounded surface."""


class EmptyState(MDBoxLayout):
    """The hint of an empty list on what to do next."""

    icon = StringProperty("check-circle-outline")
    title = StringProperty()
    hint = StringProperty()


class SectionTitle(MDBoxLayout):
    """The title of a section."""

    text = StringProperty()


class LabeledValue(MDBoxLayout):
    """A name at the left, a figure at the right, perhaps a line below."""

    name = StringProperty()
    figure = StringProperty()
    below = StringProperty()
    # The colour of a project; nothing for none.
    stripe = StringProperty()


class ErrorText(MDBoxLayout):
    """The text of an error."""

    text = StringProperty()


class PageHead(MDBoxLayout):
    """The title of a page above the tabs, and the way back."""

    title = StringProperty()
    __events__ = ("on_back",)

    def on_back(self) -> None:
        """Go back; the page binds this."""


class Caption(MDBoxLayout):
    """A small text."""

    text = StringProperty()


load_kv(__file__)
