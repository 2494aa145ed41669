"""A row with an icon, two lines and a figure."""

from __future__ import annotations

from kivy.properties import StringProperty

from mobile.ui.buttons import TappableRow
from mobile.ui.layout import load_kv


class SimpleRow(TappableRow):
    icon = StringProperty()
    title = StringProperty()
    below = StringProperty()
    figure = StringProperty()


load_kv(__file__)
