"""A large clock, the project, Start and Stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kivy.clock import Clock
from kivy.properties import BooleanProperty, ObjectProperty
from kivymd.uix.relativelayout import MDRelativeLayout

from mobile.core.durations import format_duration
from mobile.ui.actions import TIMER_ICON
from mobile.ui.buttons import TappableArea
from mobile.ui.dialog import Dialog
from mobile.ui.layout import load_kv
from mobile.ui.projects import ProjectPicker
from mobile.ui.rows import SimpleRow
from mobile.viewmodels.rows import Row
from mobile.viewmodels.timer import TimerModel

if TYPE_CHECKING:
    from mobile.ui.frame import ScreenFrame


def clock_text(seconds: int) -> str:
    """Seconds as hours, minutes and seconds."""
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


class RoundButton(TappableArea):
    """The one big button."""

    stops = BooleanProperty(False)


class TimerScreen(MDRelativeLayout):
    """The running timer, or the choice of a project to start it for."""

    running = BooleanProperty(False)
    model: TimerModel = ObjectProperty()

    def __init__(self, model: TimerModel, frame: ScreenFrame, **options: object) -> None:
        super().__init__(model=model, **options)
        self._frame = frame
        strings = frame.strings
        self.ids.project_label.text = strings("timer.project")
        self.ids.rule.text = strings("timer.rule")
        self.ids.discard.text = strings("timer.discard")
        self.ids.note.hint = strings("entry.note_hint")
        self.ids.earlier.text, self.ids.later.text = "\u2212 5 min", "+ 5 min"
        self.ids.today.text = strings("timer.today")
        self.projects = ProjectPicker(strings, model.find, model.choose_project)
        self.ids.place.add_widget(self.projects)
        self.ids.note.text = model.note
        self.ids.note.callback = model.type_note
        self._unwatch = model.watch(self.render)
        self._tick = Clock.schedule_interval(lambda _dt: self._show_time(), 0.5)
        self.render()

    def leave(self) -> None:
        """Stop watching; the screen goes."""
        self._unwatch()
        self._tick.cancel()

    def render(self) -> None:
        """Show the model as it is now."""
        model, strings = self.model, self._frame.strings
        self.running = model.running
        self._render_start()
        self._render_today()
        self._show_time()
        self.ids.go_text.text = strings("timer.stop" if model.running else "timer.start")
        self.ids.go.stops = model.running
        self.ids.go.disabled = not (model.running or model.can_start)
        self.ids.discard.disabled = not model.running
        self.ids.discard.opacity = 1 if model.running else 0
        if self.ids.note.text != model.note:
            self.ids.note.text = model.note
        self.projects.show(model.recent, model.chosen)

    def _render_start(self) -> None:
        """When it was started, and a remark if that is long ago."""
        model, strings = self.model, self._frame.strings
        started = model.started_at
        text = strings("timer.started", moment=strings.moment(started)) if started else ""
        if model.is_long:
            text = strings("timer.long")
        self.ids.started.text = text
        for button in (self.ids.earlier, self.ids.later):
            button.disabled = not model.running
            button.opacity = 1 if model.running else 0

    def _render_today(self) -> None:
        """Today's entries; a press starts the timer for one again."""
        place, week = self.ids.entries, self._frame.models.week
        place.clear_widgets()
        rows = week.rows(self._frame.today) if self._frame.today in week.week else []
        self.ids.today.opacity = 1 if rows else 0
        for row in rows:
            line = SimpleRow(icon=TIMER_ICON, title=row.title, below=row.entry.draft.note)
            line.figure = format_duration(row.entry.draft.minutes)
            line.bind(on_release=lambda _line, row=row: self._again(row))
            place.add_widget(line)

    def _again(self, row: Row) -> None:
        draft = row.entry.draft
        if not self.model.restart(draft.project, draft.task or "", draft.note):
            self._frame.notify_key("week.timer_runs")

    def move_start(self, minutes: int) -> None:
        """Move the timer's start by so many minutes."""
        self.model.move_start(minutes)

    def go(self) -> None:
        """Start the timer, or stop it."""
        if self.model.running:
            self._frame.show_form(self.model.stop())
        else:
            self.model.start()

    def discard(self) -> None:
        """Asks first: the time cannot be got back."""
        strings = self._frame.strings
        self._frame.show(
            Dialog(
                strings("timer.sure"),
                strings("timer.lost", clock=clock_text(self.model.seconds)),
                strings("timer.discard"),
                strings("cancel"),
                self.model.discard,
            )
        )

    def _show_time(self) -> None:
        self.ids.clock.text = clock_text(self.model.seconds)


load_kv(__file__)
