"""One card for each change that the server refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kivy.metrics import dp
from kivy.properties import ObjectProperty, StringProperty
from kivymd.uix.boxlayout import MDBoxLayout
from kivymd.uix.stacklayout import MDStackLayout

from mobile.core.durations import format_duration
from mobile.core.outbox import Kind
from mobile.core.rules import Draft
from mobile.core.weeks import Week
from mobile.ui.parts import Action, Empty, Panel, QuietLine, load_kv
from mobile.viewmodels.problems import Problem, ProblemsModel, Way

if TYPE_CHECKING:
    from mobile.ui.shell import Shell


class Version(MDBoxLayout):
    """One of two versions of the same thing."""

    head = StringProperty()
    text = StringProperty()


class ProblemCard(Panel):
    title = StringProperty()
    why = StringProperty()


class ProblemsScreen(MDBoxLayout):
    model: ProblemsModel = ObjectProperty()

    def __init__(self, model: ProblemsModel, shell: Shell, **options: object) -> None:
        super().__init__(model=model, **options)
        self._shell = shell
        self.ids.title.text = shell.words("problems.title")
        self.ids.back.bind(on_release=lambda *_: shell.leave_problems())
        self._unwatch = model.watch(self.render)
        self.render()

    def leave(self) -> None:
        self._unwatch()

    def render(self) -> None:
        words, list_ = self._shell.words, self.ids.list
        list_.clear_widgets()
        problems = self.model.problems
        if not problems:
            list_.add_widget(Empty(title=words("problems.none"), hint=words("problems.none_hint")))
        for problem in problems:
            list_.add_widget(self._card(problem))
        behind = self.model.waiting_behind
        if problems and behind:
            list_.add_widget(QuietLine(text=words("problems.behind", count=behind)))

    def _card(self, problem: Problem) -> ProblemCard:
        words = self._shell.words
        title = words(f"problem.{problem.kind}")
        if problem.week is not None:
            title = f"{title} · {words.week(Week.parse(problem.week))}"
        why = words(problem.why) if words.known(problem.why) else problem.words
        if problem.why == "problem.refused" or problem.why == "problem.state":
            why = f"{why} {problem.words}"
        card = ProblemCard(title=title, why=why)
        if problem.kind in (Kind.PUT, Kind.DELETE):
            card.ids.versions.add_widget(
                Version(head=words("problems.mine"), text=self._mine(problem))
            )
            card.ids.versions.add_widget(
                Version(head=words("problems.theirs"), text=self._draft(problem.theirs))
            )
        self._offer(card.ids.ways, problem)
        return card

    def _mine(self, problem: Problem) -> str:
        if problem.kind is Kind.DELETE:
            return self._shell.words("problems.removed")
        return self._draft(problem.mine)

    def _draft(self, draft: Draft | None) -> str:
        words = self._shell.words
        if draft is None:
            return words("problems.nothing")
        first = f"{format_duration(draft.minutes)}  {self.model.project_name(draft.project)}"
        lines = (first, words.day(draft.date), draft.note)
        return "\n".join(line for line in lines if line)

    def _offer(self, place: MDStackLayout, problem: Problem) -> None:
        acts = {
            Way.KEEP_MINE: self.model.keep_mine,
            Way.TAKE_THEIRS: self.model.take_theirs,
            Way.EDIT: self._edit,
            Way.TRY_AGAIN: self.model.try_again,
            Way.DROP: self.model.drop,
        }
        for number, way in enumerate(problem.ways):
            kind = "tonal" if number == 0 else "text"
            action = Action(kind=kind, text=self._shell.words(f"way.{way}"))
            action.width = dp(120)
            action.bind(on_release=lambda _action, act=acts[way]: act(problem.seq))
            place.add_widget(action)

    def _edit(self, seq: int) -> None:
        form = self.model.edit(seq, lambda _day: None)
        if form is not None:
            self._shell.show_form(form)


load_kv(__file__)
