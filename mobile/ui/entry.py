"""The sheet in which an entry is made or mended."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kivy.clock import Clock
from kivy.metrics import dp
from kivy.properties import StringProperty
from kivy.uix.recycleview import RecycleView
from kivymd.uix.boxlayout import MDBoxLayout
from kivymd.uix.stacklayout import MDStackLayout

from mobile.core.durations import format_duration
from mobile.core.rules import Violation
from mobile.core.wire import Project
from mobile.text import Words
from mobile.ui.calendar import DaySheet
from mobile.ui.parts import Action, Chip, Field, IconTap, Sheet, Tap, load_kv
from mobile.viewmodels.entry_form import CHIPS, STEP, EntryForm

if TYPE_CHECKING:
    from mobile.ui.shell import Shell


class HeadLine(MDBoxLayout):
    text = StringProperty()


class ErrorLine(MDBoxLayout):
    text = StringProperty()


class QuietLine(MDBoxLayout):
    text = StringProperty()


class ProjectRow(Tap):
    code = StringProperty()
    name = StringProperty()
    customer = StringProperty()

    def on_release(self) -> None:
        self.parent.parent.choose(self.code)


class ProjectList(RecycleView):
    """As many rows as are seen, however many projects there are."""

    def __init__(self, choose: Callable[[str], None], **options: object) -> None:
        super().__init__(**options)
        self.choose = choose

    def show(self, projects: list[Project]) -> None:
        self.data = [
            {"code": each.code, "name": each.name, "customer": f"{each.customer} · {each.code}"}
            for each in projects
        ]


class EntrySheet(Sheet):
    def __init__(self, form: EntryForm, shell: Shell, delete: Callable[[str], None]) -> None:
        words = shell.words
        title = "entry.new" if form.is_new else "entry.edit"
        super().__init__(title=words(title))
        self.form = form
        self._shell = shell
        self._words = words
        self._delete = delete
        self._searching = False
        self._chips: dict[int, Chip] = {}
        self._build()
        self._unwatch = form.watch(self.render)
        self.render()

    def close(self) -> None:
        self._unwatch()
        super().close()

    def _build(self) -> None:
        words, form, content = self._words, self.form, self.ids.content
        content.clear_widgets()
        if form.lock is not None:
            content.add_widget(QuietLine(text=words(f"lock.{form.lock.reason}")))
        content.add_widget(HeadLine(text=words("entry.project")))
        self.projects = MDStackLayout(adaptive_height=True, spacing=(dp(8), 0))
        content.add_widget(self.projects)
        self.search = Field(hint=words("entry.search"), on_typed=self._search)
        self.found = ProjectList(form.choose_project, size_hint_y=None, height=0)
        self.project_error = ErrorLine()
        content.add_widget(HeadLine(text=words("entry.duration")))
        self._build_duration(content)
        content.add_widget(HeadLine(text=words("entry.date")))
        self.days = MDStackLayout(adaptive_height=True, spacing=(dp(8), 0))
        content.add_widget(self.days)
        self.date_error = ErrorLine()
        content.add_widget(HeadLine(text=words("entry.note")))
        self.note = Field(hint=words("entry.note"), lines=5, on_typed=form.type_note)
        self.note.text = form.note
        content.add_widget(self.note)
        self.notes = MDStackLayout(adaptive_height=True, spacing=(dp(8), 0))
        content.add_widget(self.notes)
        content.disabled = form.read_only
        self._build_foot()

    def _build_duration(self, content: MDBoxLayout) -> None:
        words, form = self._words, self.form
        chips = MDStackLayout(adaptive_height=True, spacing=(dp(8), 0))
        for minutes in CHIPS:
            chip = Chip(text=format_duration(minutes))
            chip.bind(on_release=lambda _chip, m=minutes: form.choose_minutes(m))
            self._chips[minutes] = chip
            chips.add_widget(chip)
        content.add_widget(chips)
        row = MDBoxLayout(adaptive_height=True, spacing=dp(8))
        row.add_widget(IconTap(icon="minus", on_release=lambda *_: form.add_minutes(-STEP)))
        self.duration = Field(hint=words("entry.duration_hint"), on_typed=form.type_duration)
        row.add_widget(self.duration)
        row.add_widget(IconTap(icon="plus", on_release=lambda *_: form.add_minutes(STEP)))
        content.add_widget(row)

    def _build_foot(self) -> None:
        words, form, foot = self._words, self.form, self.ids.foot
        foot.clear_widgets()
        if form.can_delete:
            remove = Action(kind="outlined", text=words("delete"))
            remove.bind(on_release=lambda *_: self._remove())
            foot.add_widget(remove)
        if form.read_only:
            done = Action(text=words("close"), size_hint_x=1)
            done.bind(on_release=lambda *_: self.close())
            foot.add_widget(done)
            return
        save = Action(text=words("save"), size_hint_x=1)
        save.bind(on_release=lambda *_: self.save())
        foot.add_widget(save)

    def save(self) -> None:
        if self.form.save():
            self.close()

    def _remove(self) -> None:
        if self.form.entry_id is not None:
            self.close()
            self._delete(self.form.entry_id)

    def render(self) -> None:
        form, words = self.form, self._words
        self._render_projects()
        if self.duration.text != form.duration:
            self.duration.text = form.duration
        for minutes, chip in self._chips.items():
            chip.active = minutes == form.minutes
        self.duration.error = self._error("minutes")
        self._render_days()
        self._show_error(self.project_error, "project", self.projects)
        self._show_error(self.date_error, "date", self.days)
        self.note.error = self._error("note")
        self.notes.clear_widgets()
        for note in form.suggestions():
            chip = Chip(text=note if len(note) < 40 else f"{note[:38]}…", icon="history")
            chip.bind(on_release=lambda _chip, note=note: self._take_note(note))
            self.notes.add_widget(chip)
        self.title = words("entry.new" if form.is_new else "entry.edit")

    def _render_projects(self) -> None:
        form = self.form
        self.projects.clear_widgets()
        shown = form.recent
        if form.chosen is not None and form.chosen not in shown:
            shown = [form.chosen, *shown]
        for project in shown:
            chip = Chip(text=project.name, active=project.code == form.project)
            chip.bind(on_release=lambda _chip, code=project.code: form.choose_project(code))
            self.projects.add_widget(chip)
        more = Chip(text=self._words("entry.all"), icon="magnify", active=self._searching)
        more.bind(on_release=lambda *_: self._toggle_search())
        self.projects.add_widget(more)
        if self._searching:
            self.found.show(form.matches())

    def _render_days(self) -> None:
        form, words = self.form, self._words
        self.days.clear_widgets()
        today, yesterday = form.near_days
        for day, key, act in (
            (today, "today", form.choose_today),
            (yesterday, "yesterday", form.choose_yesterday),
        ):
            chip = Chip(text=words(key), active=form.date == day)
            chip.bind(on_release=lambda _chip, act=act: act())
            self.days.add_widget(chip)
        other = form.date not in (today, yesterday)
        text = f"{words.weekday(form.date)[:2]} {words.short_day(form.date)}"
        chip = Chip(text=text if other else words("pick_date"), icon="calendar", active=other)
        chip.bind(on_release=lambda *_: self._pick_day())
        self.days.add_widget(chip)

    def _pick_day(self) -> None:
        self._shell.show(DaySheet(self._words, self.form.date, self.form.choose_date))

    def _toggle_search(self) -> None:
        self._searching = not self._searching
        content, place = self.ids.content, self.projects
        if self._searching:
            index = content.children.index(place)
            content.add_widget(self.search, index=index)
            content.add_widget(self.found, index=index)
            self.found.height = dp(240)
            Clock.schedule_once(lambda _dt: setattr(self.search.ids.input, "focus", True))
        else:
            content.remove_widget(self.search)
            content.remove_widget(self.found)
        self.render()

    def _search(self, text: str) -> None:
        self.form.type_search(text)

    def _take_note(self, note: str) -> None:
        self.note.text = note
        self.form.type_note(note)

    def _error(self, field: str) -> str:
        violation = self.form.errors.get(field)
        return _sentence(self._words, violation) if violation is not None else ""

    def _show_error(self, line: ErrorLine, field: str, below: MDStackLayout) -> None:
        line.text = self._error(field)
        if line.text and line.parent is None:
            content = self.ids.content
            content.add_widget(line, index=content.children.index(below))
        elif not line.text and line.parent is not None:
            line.parent.remove_widget(line)


def _sentence(words: Words, violation: Violation) -> str:
    key = f"rule.{violation.code}"
    return words(key, message=violation.message) if words.known(key) else violation.message


load_kv(__file__)
