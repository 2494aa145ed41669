"""The sheet in which an entry is made or mended."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kivy.metrics import dp
from kivymd.uix.boxlayout import MDBoxLayout
from kivymd.uix.gridlayout import MDGridLayout
from kivymd.uix.stacklayout import MDStackLayout

from mobile.core.durations import format_duration
from mobile.core.rules import Violation
from mobile.text import Strings
from mobile.ui.buttons import Chip, IconButton, PushButton
from mobile.ui.calendar import DaySheet
from mobile.ui.field import Field
from mobile.ui.panels import ErrorText, LabeledValue, SectionTitle
from mobile.ui.projects import ProjectPicker
from mobile.ui.sheet import BottomSheet
from mobile.ui.status import LockLine
from mobile.viewmodels.entry_form import CHIPS, STEP, EntryForm

if TYPE_CHECKING:
    from mobile.ui.frame import SheetFrame

LONGEST_NOTE_CHIP = 40


class EntrySheet(BottomSheet):
    def __init__(self, form: EntryForm, frame: SheetFrame, delete: Callable[[str], None]) -> None:
        strings = frame.strings
        super().__init__(title=strings("entry.new" if form.is_new else "entry.edit"))
        self.form = form
        self._frame = frame
        self._strings = strings
        self._delete = delete
        self._unwatch: Callable[[], None] = lambda: None
        if form.read_only:
            self._show_only()
            return
        self._build()
        self._unwatch = form.watch(self.render)
        self.render()

    def close(self) -> None:
        self._unwatch()
        super().close()

    def save(self) -> None:
        if self.form.save():
            self.close()

    def _show_only(self) -> None:
        """What it says and why it stays so."""
        strings, form, content = self._strings, self.form, self.ids.content
        if form.lock is not None:
            content.add_widget(LockLine(text=strings(f"lock.{form.lock.reason}")))
        project = form.chosen
        name = project.name if project is not None else form.project or ""
        customer = project.customer if project is not None else ""
        content.add_widget(LabeledValue(name=name, figure=form.duration, below=customer))
        content.add_widget(LabeledValue(name=strings.day(form.date), below=form.note))
        self._offer("close", self.close)

    def _build(self) -> None:
        strings, form, content = self._strings, self.form, self.ids.content
        content.add_widget(SectionTitle(text=strings("entry.project")))
        self.projects = ProjectPicker(strings, form.find, form.choose_project)
        content.add_widget(self.projects)
        self.project_error = ErrorText()
        content.add_widget(SectionTitle(text=strings("entry.duration")))
        self._build_duration(content)
        content.add_widget(SectionTitle(text=strings("entry.date")))
        self.days = MDStackLayout(adaptive_height=True, spacing=(dp(8), 0))
        content.add_widget(self.days)
        self.date_error = ErrorText()
        content.add_widget(SectionTitle(text=strings("entry.note")))
        self.note = Field(hint=strings("entry.note_hint"), max_lines=5, callback=form.type_note)
        self.note.text = form.note
        content.add_widget(self.note)
        self.notes = MDStackLayout(adaptive_height=True, spacing=(dp(8), 0))
        content.add_widget(self.notes)
        if form.can_delete:
            self._offer("delete", self._remove, kind="outlined")
        self._offer("save", self.save)

    def _build_duration(self, content: MDBoxLayout) -> None:
        strings, form = self._strings, self.form
        self._chips: dict[int, Chip] = {}
        chips = MDGridLayout(cols=len(CHIPS), adaptive_height=True, spacing=dp(6))
        for minutes in CHIPS:
            chip = Chip(text=format_duration(minutes), ticks=False, size_hint_x=1)
            chip.bind(on_release=lambda _chip, m=minutes: form.choose_minutes(m))
            self._chips[minutes] = chip
            chips.add_widget(chip)
        content.add_widget(chips)
        row = MDBoxLayout(adaptive_height=True, spacing=dp(8))
        row.add_widget(IconButton(icon="minus", on_release=lambda *_: form.add_minutes(-STEP)))
        self.duration = Field(hint=strings("entry.duration_hint"), callback=form.type_duration)
        row.add_widget(self.duration)
        row.add_widget(IconButton(icon="plus", on_release=lambda *_: form.add_minutes(STEP)))
        content.add_widget(row)

    def _offer(self, key: str, act: Callable[[], None], kind: str = "filled") -> None:
        """The one that fills the place is the one that is meant."""
        wide = 1 if kind == "filled" else None
        action = PushButton(text=self._strings(key), kind=kind, size_hint_x=wide)
        action.bind(on_release=lambda *_: act())
        self.ids.foot.add_widget(action)

    def _remove(self) -> None:
        if self.form.entry_id is not None:
            self.close()
            self._delete(self.form.entry_id)

    def render(self) -> None:
        form = self.form
        self.projects.show(form.recent, form.chosen)
        if self.duration.text != form.duration:
            self.duration.text = form.duration
        for minutes, chip in self._chips.items():
            chip.active = minutes == form.minutes
        self.duration.error = self._error("minutes")
        self._render_days()
        self._show_error(self.project_error, "project", self.projects)
        self._show_error(self.date_error, "date", self.days)
        self.note.error = self._error("note")
        self._render_notes()

    def _render_notes(self) -> None:
        self.notes.clear_widgets()
        for note in self.form.suggestions():
            short = note.replace("\n", " ")
            if len(short) > LONGEST_NOTE_CHIP:
                short = f"{short[: LONGEST_NOTE_CHIP - 2]}…"
            chip = Chip(text=short, icon="history")
            chip.bind(on_release=lambda _chip, note=note: self._take_note(note))
            self.notes.add_widget(chip)

    def _render_days(self) -> None:
        form, strings = self.form, self._strings
        self.days.clear_widgets()
        today, yesterday = form.near_days
        for day, key, act in (
            (today, "today", form.choose_today),
            (yesterday, "yesterday", form.choose_yesterday),
        ):
            chip = Chip(text=strings(key), active=form.date == day)
            chip.bind(on_release=lambda _chip, act=act: act())
            self.days.add_widget(chip)
        other = form.date not in (today, yesterday)
        text = strings.weekday_and_day(form.date) if other else strings("pick_date")
        chip = Chip(text=text, icon="calendar", active=other)
        chip.bind(on_release=lambda *_: self._pick_day())
        self.days.add_widget(chip)

    def _pick_day(self) -> None:
        self._frame.show(DaySheet(self._strings, self.form.date, self.form.choose_date))

    def _take_note(self, note: str) -> None:
        self.note.text = note
        self.form.type_note(note)

    def _error(self, field: str) -> str:
        violation = self.form.errors.get(field)
        return _sentence(self._strings, violation) if violation is not None else ""

    def _show_error(self, line: ErrorText, field: str, below: MDBoxLayout) -> None:
        line.text = self._error(field)
        if line.text and line.parent is None:
            content = self.ids.content
            content.add_widget(line, index=content.children.index(below))
        elif not line.text and line.parent is not None:
            line.parent.remove_widget(line)


def _sentence(strings: Strings, violation: Violation) -> str:
    key = f"rule.{violation.code}"
    return strings(key, message=violation.message) if strings.known(key) else violation.message
