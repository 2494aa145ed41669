"""A text field with its error below."""

from __future__ import annotations

from collections.abc import Callable

from kivy.core.window import Window, WindowBase
from kivy.properties import NumericProperty, ObjectProperty, StringProperty
from kivymd.uix.boxlayout import MDBoxLayout

from mobile.ui import selection as _selection  # noqa: F401 - its rules are used in field.kv
from mobile.ui.layout import load_kv
from mobile.ui.sheet import BottomSheet


class Field(MDBoxLayout):
    """A text field with its error in strings below."""

    text = StringProperty()
    hint = StringProperty()
    error = StringProperty()
    max_lines = NumericProperty(1)
    # The keyboard of a phone: "text" with suggestions, or "duration".
    kind = StringProperty("text")
    # Kivy takes whatever begins with on_ for an event, and drops it where there is none.
    callback: Callable[[str], None] | None = ObjectProperty(None, allownone=True)

    def focused(self, focus: bool) -> None:
        """On a phone the keyboard comes or goes: what is typed into stays in view, and in a sheet
        the buttons at its foot too."""
        sheet = self.parent
        while sheet is not None and not isinstance(sheet, BottomSheet | WindowBase):
            sheet = sheet.parent
        in_sheet = isinstance(sheet, BottomSheet)
        Window.softinput_mode = "pan" if in_sheet else "below_target"
        if in_sheet:
            sheet.make_room(self if focus else None)

    def typed(self, text: str) -> None:
        """Pass on what was typed."""
        if text != self.text:
            self.text = text
            if self.callback is not None:
                self.callback(text)


load_kv(__file__)
