"""Grey shapes where cards will be."""

from __future__ import annotations

from kivymd.uix.boxlayout import MDBoxLayout

from mobile.ui.layout import load_kv


class Skeleton(MDBoxLayout):
    """A grey shape in place of a row that is still on its way."""


load_kv(__file__)
