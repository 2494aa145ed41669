"""A large clock, the project, Start and Stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kivy.clock import Clock
from kivy.properties import BooleanProperty, ObjectProperty
from kivymd.uix.relativelayout import MDRelativeLayout

from mobile.ui.parts import Chip, load_kv
from mobile.viewmodels.timer import TimerModel

if TYPE_CHECKING:
    from mobile.ui.shell import Shell


def clock_text(seconds: int) -> str:
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


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
        self.ids.note.hint = words("entry.note")
        self.ids.note.text = model.note
        self.ids.note.on_typed = model.type_note
        self._unwatch = model.watch(self.render)
        self._tick = Clock.schedule_interval(lambda _dt: self._show_time(), 0.5)
        self.render()

    def leave(self) -> None:
        self._unwatch()
        self._tick.cancel()

    def render(self) -> None:
        model, words = self.model, self._shell.words
        self._show_time()
        self.ids.go.text = words("timer.stop" if model.running else "timer.start")
        self.ids.go.kind = "tonal" if model.running else "filled"
        self.ids.go.disabled = not (model.running or model.can_start)
        self.ids.discard.disabled = not model.running
        self.ids.discard.opacity = 1 if model.running else 0
        if self.ids.note.text != model.note:
            self.ids.note.text = model.note
        self.ids.projects.clear_widgets()
        shown = model.recent
        if model.chosen is not None and model.chosen not in shown:
            shown = [model.chosen, *shown]
        for project in shown:
            chip = Chip(text=project.name, active=project.code == model.project)
            chip.bind(on_release=lambda _chip, code=project.code: model.choose_project(code))
            self.ids.projects.add_widget(chip)

    def go(self) -> None:
        if self.model.running:
            self._shell.show_form(self.model.stop())
        else:
            self.model.start()

    def _show_time(self) -> None:
        self.ids.clock.text = clock_text(self.model.seconds)


load_kv(__file__)
