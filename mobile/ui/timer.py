"""A large clock, the project, Start and Stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kivy.clock import Clock
from kivy.properties import BooleanProperty, ObjectProperty
from kivymd.uix.relativelayout import MDRelativeLayout

from mobile.ui.dialog import Dialog
from mobile.ui.parts import TapArea, load_kv
from mobile.ui.projects import ProjectPicker
from mobile.viewmodels.timer import TimerModel

if TYPE_CHECKING:
    from mobile.ui.shell import Shell


def clock_text(seconds: int) -> str:
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


class RoundTap(TapArea):
    """The one big button."""

    stops = BooleanProperty(False)


class TimerScreen(MDRelativeLayout):
    split = BooleanProperty(False)
    model: TimerModel = ObjectProperty()

    def __init__(self, model: TimerModel, shell: Shell, **options: object) -> None:
        super().__init__(model=model, **options)
        self._shell = shell
        words = shell.words
        self.ids.asked.text = words("timer.project")
        self.ids.rule.text = words("timer.rule")
        self.ids.discard.text = words("timer.discard")
        self.ids.note.hint = words("entry.note_hint")
        self.projects = ProjectPicker(words, model.find, model.choose_project)
        self.ids.place.add_widget(self.projects)
        self.ids.note.text = model.note
        self.ids.note.tell = model.type_note
        self._unwatch = model.watch(self.render)
        self._tick = Clock.schedule_interval(lambda _dt: self._show_time(), 0.5)
        self.render()

    def leave(self) -> None:
        self._unwatch()
        self._tick.cancel()

    def render(self) -> None:
        model, words = self.model, self._shell.words
        self._show_time()
        self.ids.go_text.text = words("timer.stop" if model.running else "timer.start")
        self.ids.go.stops = model.running
        self.ids.go.disabled = not (model.running or model.can_start)
        self.ids.discard.disabled = not model.running
        self.ids.discard.opacity = 1 if model.running else 0
        if self.ids.note.text != model.note:
            self.ids.note.text = model.note
        self.projects.show(model.recent, model.chosen)

    def go(self) -> None:
        if self.model.running:
            self._shell.show_form(self.model.stop())
        else:
            self.model.start()

    def discard(self) -> None:
        """Asks first: the time cannot be got back."""
        words = self._shell.words
        self._shell.show(
            Dialog(
                words("timer.sure"),
                words("timer.lost", clock=clock_text(self.model.seconds)),
                words("timer.discard"),
                words("cancel"),
                self.model.discard,
            )
        )

    def _show_time(self) -> None:
        self.ids.clock.text = clock_text(self.model.seconds)


load_kv(__file__)
