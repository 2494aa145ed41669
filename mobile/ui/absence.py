"""The sheet for one absence: kind, days, half days, note."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING

from kivy.metrics import dp
from kivymd.uix.stacklayout import MDStackLayout

from mobile.ui.buttons import Chip, PushButton
from mobile.ui.calendar import DaySheet, show_range
from mobile.ui.entry import SwitchRow
from mobile.ui.field import Field
from mobile.ui.panels import Caption, ErrorText, SectionTitle
from mobile.ui.sheet import BottomSheet
from mobile.viewmodels.absences import KINDS, AbsenceForm

if TYPE_CHECKING:
    from mobile.ui.frame import SheetFrame


class AbsenceSheet(BottomSheet):
    """A sheet that adds or changes an absence."""

    def __init__(self, form: AbsenceForm, frame: SheetFrame) -> None:
        strings = frame.strings
        super().__init__(title=strings("absence.new" if form.is_new else "absence.edit"))
        self.form = form
        self._frame = frame
        content = self.ids.content
        content.add_widget(SectionTitle(text=strings("absence.kind")))
        kinds = MDStackLayout(adaptive_height=True, spacing=(dp(8), 0))
        self._kinds = {}
        for kind in KINDS:
            chip = self._kinds[kind] = Chip(text=strings(f"absence.{kind}"))
            chip.bind(on_release=lambda _chip, kind=kind: form.choose_kind(kind))
            kinds.add_widget(chip)
        content.add_widget(kinds)
        content.add_widget(SectionTitle(text=strings("absence.range")))
        self.days = MDStackLayout(adaptive_height=True, spacing=(dp(8), 0))
        content.add_widget(self.days)
        self.touched = Caption()
        content.add_widget(self.touched)
        self.error = ErrorText()
        content.add_widget(self.error)
        self.half = SwitchRow(text=strings("absence.half"))
        self.half.bind(on_release=lambda *_: form.set_half_days(not form.half_days))
        content.add_widget(self.half)
        content.add_widget(SectionTitle(text=strings("entry.note")))
        note = Field(
            hint=strings("absence.note_hint"), text=form.note, max_lines=3, callback=form.type_note
        )
        content.add_widget(note)
        if not form.is_new:
            self._offer("delete", self._delete, "outlined")
        self._offer("save", self.save, "filled")
        self._unwatch = form.watch(self.render)
        self.render()

    def close(self) -> None:
        """Leave the form."""
        self._unwatch()
        super().close()
        self._frame.refresh_week()

    def save(self) -> None:
        """Save the absence and close, or show what is wrong."""
        if self.form.save():
            self.close()

    def _delete(self) -> None:
        self.form.delete()
        self.close()

    def render(self) -> None:
        """Show the form as it is now."""
        form, strings = self.form, self._frame.strings
        for kind, chip in self._kinds.items():
            chip.active = kind is form.kind
        days = (form.since, form.set_since), (form.until, form.set_until)
        show_range(self.days, strings, *days, self._pick)
        self.touched.text = strings("absence.touches", weeks=self._weeks())
        self.error.text = strings(form.error) if form.error else ""
        self.half.active = form.half_days

    def _weeks(self) -> str:
        strings = self._frame.strings
        first, last = strings.week_number(self.form.since), strings.week_number(self.form.until)
        return first if first == last else f"{first}\u2013{last}"

    def _pick(self, day: date, act: Callable[[date], None]) -> None:
        self._frame.show(DaySheet(self._frame.strings, day, act, today=self._frame.today))

    def _offer(self, key: str, act: Callable[[], None], kind: str) -> None:
        wide = 1 if kind == "filled" else None
        button = PushButton(text=self._frame.strings(key), kind=kind, size_hint_x=wide)
        button.bind(on_release=lambda *_: act())
        self.ids.foot.add_widget(button)
