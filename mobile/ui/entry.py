"""The sheet in which an entry is made or edited."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from kivy.core.window import Window
from kivy.metrics import dp
from kivy.properties import BooleanProperty, StringProperty
from kivymd.uix.boxlayout import MDBoxLayout
from kivymd.uix.gridlayout import MDGridLayout
from kivymd.uix.stacklayout import MDStackLayout

from mobile.core.durations import format_duration
from mobile.core.rules import Violation
from mobile.text import Strings
from mobile.ui.actions import EntryActions
from mobile.ui.buttons import Chip, IconButton, PushButton, TappableRow
from mobile.ui.calendar import DaySheet
from mobile.ui.dialog import Menu
from mobile.ui.field import Field
from mobile.ui.layout import load_kv
from mobile.ui.panels import Caption, ErrorText, LabeledValue, SectionTitle
from mobile.ui.projects import ProjectPicker
from mobile.ui.sheet import BottomSheet
from mobile.ui.status import LockLine
from mobile.ui.text import text_width
from mobile.viewmodels.entry_form import CHIPS, STEP, EntryForm

if TYPE_CHECKING:
    from mobile.ui.frame import SheetFrame

LONGEST_NOTE_CHIP = 40
ENTER = (13, 271)


class SwitchRow(TappableRow):
    """A setting that is on or off, with what it means in words."""

    text = StringProperty()
    hint = StringProperty()
    active = BooleanProperty(False)


class EntrySheet(BottomSheet):
    """Closing it keeps what was typed as a draft."""

    def __init__(self, form: EntryForm, frame: SheetFrame, actions: EntryActions) -> None:
        strings = frame.strings
        super().__init__(title=strings("entry.new" if form.is_new else "entry.edit"))
        self.form = form
        self._frame = frame
        self._strings = strings
        self._actions = actions
        self._unwatch: Callable[[], None] = lambda: None
        self._offer_more()
        if form.read_only:
            self._show_only()
            return
        self._build()
        self._unwatch = form.watch(self.render)
        Window.bind(on_key_down=self._on_key_down)
        self.render()

    def close(self) -> None:
        """Leave the form; what was typed stays as a draft."""
        self._unwatch()
        Window.unbind(on_key_down=self._on_key_down)
        super().close()
        self._frame.refresh_week()

    def save(self) -> None:
        """Save the entry and close, or show what is wrong."""
        if self.form.save():
            self.close()

    def save_and_new(self) -> None:
        """Save the entry and begin another of the same day."""
        if self.form.save():
            self.close()
            self._frame.show_form(self.form.following())

    def discard(self) -> None:
        """Drop what was typed."""
        self.form.discard()
        self.close()

    def _on_key_down(self, _window: object, key: int, _code: int, _text: str, held: list) -> bool:
        """Ctrl+Enter saves."""
        if key in ENTER and ("ctrl" in held or "meta" in held):
            self.save()
            return True
        return False

    def _offer_more(self) -> None:
        """A menu beside the title; what was typed stays as a draft when one of it is chosen."""
        entry_id = self.form.entry_id
        choices = self._actions.choices(entry_id) if entry_id is not None else []
        if not choices:
            return
        more = IconButton(icon="dots-vertical")
        lines = [replace(each, act=partial(self._leave_for, each.act)) for each in choices]
        more.bind(on_release=lambda *_: self._frame.show(Menu(lines, more)))
        self.ids.tools.add_widget(more)

    def _leave_for(self, act: Callable[[], None]) -> None:
        self.close()
        act()

    def _show_only(self) -> None:
        """The entry, and why it cannot be changed."""
        strings, form, content = self._strings, self.form, self.ids.content
        if form.lock is not None:
            content.add_widget(LockLine(text=strings(f"lock.{form.lock.reason}")))
        project = form.chosen
        name = project.name if project is not None else form.project or ""
        below = [project.customer if project is not None else "", form.task]
        if not form.is_billable:
            below.append(strings("entry.not_billable"))
        text = " · ".join(part for part in below if part)
        content.add_widget(LabeledValue(name=name, figure=form.duration, below=text))
        content.add_widget(LabeledValue(name=strings.day(form.date), below=form.note))
        self._offer("close", self.close)

    def _build(self) -> None:
        strings, form, content = self._strings, self.form, self.ids.content
        self.favourites = MDStackLayout(adaptive_height=True, spacing=(dp(8), 0))
        for favourite in form.favourites:
            chip = Chip(icon="star-outline", text=form.project_name(favourite.project))
            if favourite.note:
                chip.text = f"{chip.text} · {_short(favourite.note, 20)}"
            chip.bind(on_release=lambda _chip, each=favourite: self._take_favourite(each))
            self.favourites.add_widget(chip)
        if form.favourites:
            content.add_widget(SectionTitle(text=strings("entry.favourites")))
            content.add_widget(self.favourites)
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
        self.note = Field(hint=strings("entry.note_hint"), max_lines=5, text=form.note)
        self.note.callback = form.type_note
        content.add_widget(self.note)
        self.notes = MDStackLayout(adaptive_height=True, spacing=(dp(8), 0))
        content.add_widget(self.notes)
        content.add_widget(SectionTitle(text=strings("entry.task")))
        self.tasks = MDStackLayout(adaptive_height=True, spacing=(dp(8), 0))
        content.add_widget(self.tasks)
        self.task = Field(hint=strings("entry.task_hint"), text=form.task, callback=form.type_task)
        content.add_widget(self.task)
        self.billable = SwitchRow(text=strings("entry.billable"))
        self.billable.bind(on_release=lambda *_: form.set_billable(not form.is_billable))
        content.add_widget(self.billable)
        self.pin = Chip(icon="star-outline", on_release=lambda *_: form.toggle_favourite())
        content.add_widget(self.pin)
        self.discarding = PushButton(kind="text", text=strings("entry.discard"))
        self.discarding.bind(on_release=lambda *_: self.discard())
        content.add_widget(self.discarding)
        if form.can_delete:
            self._offer("delete", self._remove, "outlined")
        elif form.is_new:
            self._offer("entry.save_new", self.save_and_new, "outlined")
        self._offer("save", self.save)

    def _build_duration(self, content: MDBoxLayout) -> None:
        strings, form = self._strings, self.form
        chips = MDGridLayout(cols=len(CHIPS), adaptive_height=True, spacing=(dp(4), 0))
        chips.bind(width=_fit_chips)
        self._chips = {}
        for minutes in CHIPS:
            chip = Chip(text=format_duration(minutes), ticks=False, size_hint_x=1)
            chip.bind(on_release=lambda _chip, m=minutes: form.choose_minutes(m))
            self._chips[minutes] = chip
            chips.add_widget(chip)
        content.add_widget(chips)
        row = MDBoxLayout(adaptive_height=True, spacing=dp(8))
        row.add_widget(self._step("minus", -STEP))
        self.duration = Field(hint=strings("entry.duration_hint"), callback=form.type_duration)
        self.duration.kind = "duration"
        row.add_widget(self.duration)
        row.add_widget(self._step("plus", STEP))
        content.add_widget(row)
        self.reading = Caption()
        content.add_widget(self.reading)

    def _step(self, icon: str, minutes: int) -> IconButton:
        """A button beside the field: an error below the field does not move it."""
        button = IconButton(icon=icon, accent=True, pos_hint={"top": 1})
        button.bind(on_release=lambda *_: self.form.add_minutes(minutes))
        return button

    def _offer(self, key: str, act: Callable[[], None], kind: str = "filled") -> None:
        """The filled button is the main one."""
        wide = 1 if kind == "filled" else None
        button = PushButton(text=self._strings(key), kind=kind, size_hint_x=wide)
        button.bind(on_release=lambda *_: act())
        self.ids.foot.add_widget(button)

    def _remove(self) -> None:
        if self.form.entry_id is not None:
            self.form.discard()
            self.close()
            self._actions.delete(self.form.entry_id)

    def _take_favourite(self, favourite: object) -> None:
        self.form.choose_favourite(favourite)
        self.note.text, self.task.text = self.form.note, self.form.task

    def render(self) -> None:
        """Show the form as it is now."""
        form, strings = self.form, self._strings
        self.projects.show(form.recent, form.chosen)
        if self.duration.text != form.duration:
            self.duration.text = form.duration
        for minutes, chip in self._chips.items():
            chip.active = minutes == form.minutes
        # It keeps its line while it says nothing, so that nothing below it moves.
        says_more = form.reading and form.reading != form.duration.strip()
        self.reading.text = strings("entry.reading", duration=form.reading) if says_more else " "
        self.duration.error = self._error("minutes")
        self._render_days()
        self._show_error(self.project_error, "project", self.projects)
        self._show_error(self.date_error, "date", self.days)
        self.note.error = self._error("note")
        self._render_notes()
        self._render_tasks()
        self.billable.active = form.is_billable
        follows = form.follows_project and form.chosen is not None
        self.billable.hint = strings("entry.as_project") if follows else ""
        self.pin.text = strings("entry.unpin" if form.is_favourite else "entry.pin")
        self.pin.active = form.is_favourite
        self.pin.disabled = form.project is None
        self.discarding.disabled = not form.is_draft
        self.discarding.opacity = 1 if form.is_draft else 0

    def _render_notes(self) -> None:
        self.notes.clear_widgets()
        for note in self.form.suggestions():
            chip = Chip(text=_short(note.replace("\n", " "), LONGEST_NOTE_CHIP), icon="history")
            chip.bind(on_release=lambda _chip, note=note: self._take_note(note))
            self.notes.add_widget(chip)

    def _render_tasks(self) -> None:
        """The project's tasks as chips; without any, the task is free text."""
        self.tasks.clear_widgets()
        for task in self.form.tasks:
            chip = Chip(text=task, active=task == self.form.task)
            chip.bind(on_release=lambda _chip, task=task: self._take_task(task))
            self.tasks.add_widget(chip)

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
        today = self._frame.today
        sheet = DaySheet(self._strings, self.form.date, self.form.choose_date, today=today)
        self._frame.show(sheet)

    def _take_note(self, note: str) -> None:
        self.note.text = note
        self.form.type_note(note)

    def _take_task(self, task: str) -> None:
        self.task.text = task
        self.form.type_task(task)

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


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 2]}…"


def _sentence(strings: Strings, violation: Violation) -> str:
    key = f"rule.{violation.code}"
    return strings(key, message=violation.message) if strings.known(key) else violation.message


def _fit_chips(chips: MDGridLayout, width: float) -> None:
    """In one row, or in two where they would be too narrow for a finger or their text."""
    widest = max(dp(48), text_width(format_duration(CHIPS[0]), "Label", "large") + dp(8))
    room = (width + chips.spacing[0]) / len(CHIPS) - chips.spacing[0]
    chips.cols = len(CHIPS) if room >= widest else len(CHIPS) // 2


load_kv(__file__)
