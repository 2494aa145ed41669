"""Rows with an icon and two lines."""

from __future__ import annotations

from kivy.properties import BooleanProperty, StringProperty

from mobile.ui.buttons import TappableRow
from mobile.ui.layout import load_kv


class SimpleRow(TappableRow):
    """A row with an icon, a title and a figure."""

    icon = StringProperty()
    title = StringProperty()
    below = StringProperty()
    figure = StringProperty()


class SettingRow(TappableRow):
    """A setting and its value."""

    icon = StringProperty()
    title = StringProperty()
    text = StringProperty()
    opens = BooleanProperty(True)
    wrong = BooleanProperty(False)


load_kv(__file__)
