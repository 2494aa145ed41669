"""One card for each change that the server refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kivy.properties import ObjectProperty, StringProperty
from kivymd.uix.boxlayout import MDBoxLayout
from kivymd.uix.stacklayout import MDStackLayout

from mobile.core.changes import ChangeKind
from mobile.core.durations import format_duration
from mobile.core.rules import Draft
from mobile.core.weeks import Week
from mobile.ui.buttons import PushButton
from mobile.ui.layout import load_kv
from mobile.ui.panels import Caption, EmptyState, Panel
from mobile.viewmodels.problems import Problem, ProblemsModel, Resolution

if TYPE_CHECKING:
    from mobile.ui.frame import ScreenFrame


class Version(MDBoxLayout):
    """One of two versions of the same thing."""

    head = StringProperty()
    text = StringProperty()


class ProblemCard(Panel):
    """A refused change, why, and ways to solve it."""

    title = StringProperty()
    why = StringProperty()


class ProblemsScreen(MDBoxLayout):
    """The list of problems."""

    model: ProblemsModel = ObjectProperty()

    def __init__(self, model: ProblemsModel, frame: ScreenFrame, **options: object) -> None:
        super().__init__(model=model, **options)
        self._frame = frame
        self.ids.head.title = frame.strings("problems.title")
        self.ids.head.bind(on_back=lambda *_: frame.close_page())
        self._unwatch = model.watch(self.render)
        self.render()

    def leave(self) -> None:
        """Stop watching; the screen goes."""
        self._unwatch()

    def render(self) -> None:
        """Show the model as it is now."""
        strings, list_ = self._frame.strings, self.ids.list
        list_.clear_widgets()
        problems = self.model.problems
        if not problems:
            list_.add_widget(
                EmptyState(title=strings("problems.none"), hint=strings("problems.none_hint"))
            )
        for problem in problems:
            list_.add_widget(self._card(problem))
        behind = self.model.waiting_behind
        if problems and behind:
            list_.add_widget(Caption(text=strings("problems.behind", count=behind)))

    def _card(self, problem: Problem) -> ProblemCard:
        strings = self._frame.strings
        title = strings(f"problem.{problem.kind}")
        if problem.week is not None:
            title = f"{title} · {strings.week(Week.parse(problem.week))}"
        why = strings(problem.why) if strings.known(problem.why) else problem.detail
        if problem.why == "problem.refused" or problem.why == "problem.state":
            why = f"{why} {problem.detail}"
        card = ProblemCard(title=title, why=why)
        if problem.kind in (ChangeKind.PUT, ChangeKind.DELETE):
            card.ids.versions.add_widget(
                Version(head=strings("problems.mine"), text=self._mine(problem))
            )
            card.ids.versions.add_widget(
                Version(head=strings("problems.theirs"), text=self._draft(problem.theirs))
            )
        self._offer(card.ids.resolutions, problem)
        return card

    def _mine(self, problem: Problem) -> str:
        if problem.kind is ChangeKind.DELETE:
            return self._frame.strings("problems.removed")
        return self._draft(problem.mine)

    def _draft(self, draft: Draft | None) -> str:
        strings = self._frame.strings
        if draft is None:
            return strings("problems.nothing")
        first = f"{format_duration(draft.minutes)}  {self.model.project_name(draft.project)}"
        lines = (first, strings.day(draft.date), draft.note)
        return "\n".join(line for line in lines if line)

    def _offer(self, place: MDStackLayout, problem: Problem) -> None:
        acts = {
            Resolution.KEEP_MINE: self.model.keep_mine,
            Resolution.TAKE_THEIRS: self.model.take_theirs,
            Resolution.EDIT: self._edit,
            Resolution.RETRY: self.model.retry,
            Resolution.DROP: self.model.drop,
        }
        for number, way in enumerate(problem.resolutions):
            kind = "tonal" if number == 0 else "text"
            action = PushButton(kind=kind, text=self._frame.strings(f"resolution.{way}"))
            action.bind(on_release=lambda _action, act=acts[way]: act(problem.seq))
            place.add_widget(action)

    def _edit(self, seq: int) -> None:
        form = self.model.edit(seq, lambda _day: None)
        if form is not None:
            self._frame.show_form(form)


load_kv(__file__)
