"""One submitted week: what it holds, who decides and why, and the decision."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kivy.metrics import dp
from kivy.properties import BooleanProperty, StringProperty
from kivymd.uix.boxlayout import MDBoxLayout
from kivymd.uix.stacklayout import MDStackLayout

from mobile.core.durations import format_duration
from mobile.core.rules import ApprovalState
from mobile.core.weeks import Week
from mobile.core.wire import ApprovalEntry, Step
from mobile.ui.marks import StateMark, Tag
from mobile.ui.parts import Action, Chip, ErrorLine, Field, HeadLine, Pair, Sheet, load_kv
from mobile.ui.skeleton import Skeleton
from mobile.ui.week import DayBar
from mobile.viewmodels.approvals import SUGGESTIONS, ApprovalsModel, Item

if TYPE_CHECKING:
    from mobile.ui.shell import Shell


STEP_ICONS = {
    "submitted": "send-check",
    "approved": "check-decagram",
    "rejected": "alert-circle-outline",
    "withdrawn": "undo-variant",
    "reopened": "lock-open-variant-outline",
}


class WhyLine(MDBoxLayout):
    text = StringProperty()


class TimelineStep(MDBoxLayout):
    """What happened, on a line that joins it to what came before and after."""

    icon = StringProperty()
    name = StringProperty()
    below = StringProperty()
    first = BooleanProperty(False)
    last = BooleanProperty(False)


class ApprovalDetail(MDBoxLayout):
    def __init__(self, item: Item, model: ApprovalsModel, shell: Shell, *, with_back: bool) -> None:
        super().__init__()
        self._item = item
        self._model = model
        self._shell = shell
        words, approval = shell.words, item.approval
        self.ids.back.opacity = 1 if with_back else 0
        self.ids.back.disabled = not with_back
        self.ids.back.width = dp(48) if with_back else dp(8)
        self.ids.back.bind(on_release=lambda *_: model.open(None))
        self.ids.name.text = item.name
        self.ids.week.text = words.week(Week.parse(approval.week))
        self.ids.total.text = format_duration(approval.total_minutes)
        self._fill()
        self._offer()

    def _fill(self) -> None:
        approval, list_ = self._item.approval, self.ids.list
        if approval.flags:
            list_.add_widget(self._tags(approval.flags))
        if approval.state is not ApprovalState.PENDING:
            list_.add_widget(self._state())
        why = self._why()
        if why:
            list_.add_widget(WhyLine(text=why))
        self._fill_days()
        totals = sorted(approval.by_project.items(), key=lambda pair: -pair[1])
        name_of = self._model.project_name
        figures = [Pair(name=name_of(code), figure=format_duration(m)) for code, m in totals]
        self._part("approvals.by_project", figures)
        self._part("approvals.entries", [self._entry(entry) for entry in approval.entries])
        if self._model.loading_detail and not approval.entries:
            list_.add_widget(Skeleton())
        self._part("approvals.history", self._steps(approval.history))

    def _state(self) -> StateMark:
        words, approval, mark = self._shell.words, self._item.approval, StateMark()
        text = words(f"state.{approval.state}")
        if approval.reason and approval.state is ApprovalState.REJECTED:
            text = words("state.rejected_because", reason=approval.reason)
        if self._item.waiting:
            text = words("state.to_be_sent", state=text)
        mark.show(approval.state, text)
        return mark

    def _why(self) -> str:
        """By what right the person decides this week."""
        words, approval = self._shell.words, self._item.approval
        place = self._model.stands_in_for(approval) if approval.why == "delegate" else None
        if place is not None:
            until = words.short_day(place.until)
            return words("why.delegate_until", name=place.name or place.person, until=until)
        key = f"why.{approval.why}"
        return words(key) if words.known(key) else ""

    def _part(self, key: str, rows: list[Pair] | list[TimelineStep]) -> None:
        if rows:
            self.ids.list.add_widget(HeadLine(text=self._shell.words(key)))
        for row in rows:
            self.ids.list.add_widget(row)

    def _tags(self, flags: tuple[str, ...]) -> MDStackLayout:
        words, tags = self._shell.words, MDStackLayout(adaptive_height=True, spacing=dp(6))
        for flag in flags:
            key = f"flag.{flag}"
            tags.add_widget(Tag(text=words(key) if words.known(key) else flag))
        return tags

    def _fill_days(self) -> None:
        words, approval = self._shell.words, self._item.approval
        bars = MDBoxLayout(size_hint_y=None, height=dp(112))
        for day in Week.parse(approval.week).days:
            minutes = approval.by_day.get(day, 0)
            bars.add_widget(
                DayBar(
                    letter=f"{words.weekday_letter(day)} {day.day}",
                    hours=format_duration(minutes) if minutes else "\u2013",
                    share=minutes / 480,
                )
            )
        self.ids.list.add_widget(bars)

    def _entry(self, entry: ApprovalEntry) -> Pair:
        words, name = self._shell.words, self._model.project_name(entry.project)
        day = words.weekday_and_day(entry.date)
        below = f"{day} · {entry.note}" if entry.note else day
        return Pair(name=name, figure=format_duration(entry.minutes), below=below)

    def _steps(self, steps: tuple[Step, ...]) -> list[TimelineStep]:
        made = [self._step(step) for step in steps]
        if made:
            made[0].first = made[-1].last = True
        return made

    def _step(self, step: Step) -> TimelineStep:
        words = self._shell.words
        key = f"state.{step.event}"
        moment = words.moment(step.at) if step.at is not None else ""
        return TimelineStep(
            icon=STEP_ICONS.get(step.event, "circle-medium"),
            name=words(key) if words.known(key) else step.event,
            below=" · ".join(part for part in (moment, step.reason or "") if part),
        )

    def _offer(self) -> None:
        """Approve and Reject, while there is something to decide."""
        words, foot, approval = self._shell.words, self.ids.foot, self._item.approval
        if approval.state is not ApprovalState.PENDING:
            foot.height = 0
            return
        reject = Action(kind="outlined", text=words("approvals.reject"), size_hint_x=1)
        reject.bind(on_release=lambda *_: self._ask_why())
        approve = Action(text=words("approvals.approve"), size_hint_x=1)
        approve.bind(on_release=lambda *_: self._approve())
        foot.add_widget(reject)
        foot.add_widget(approve)

    def _approve(self) -> None:
        self._model.open(None)
        self._model.approve(self._item.approval.id)

    def _ask_why(self) -> None:
        self._shell.show(ReasonSheet(self._item, self._model, self._shell))


class ReasonSheet(Sheet):
    def __init__(self, item: Item, model: ApprovalsModel, shell: Shell) -> None:
        words = shell.words
        super().__init__(title=words("approvals.reason"))
        self._item = item
        self._model = model
        self._words = words
        self.reason = Field(hint=words("approvals.reason"), lines=5)
        self.ids.content.add_widget(self.reason)
        self.error = ErrorLine()
        self.ids.content.add_widget(self.error)
        earlier = MDStackLayout(adaptive_height=True, spacing=dp(8))
        for text in model.reasons()[:SUGGESTIONS]:
            chip = Chip(text=text, icon="history")
            chip.bind(on_release=lambda _chip, text=text: setattr(self.reason, "text", text))
            earlier.add_widget(chip)
        self.ids.content.add_widget(earlier)
        reject = Action(text=words("approvals.reject"), size_hint_x=1)
        reject.bind(on_release=lambda *_: self.reject())
        self.ids.foot.add_widget(reject)

    def reject(self) -> None:
        if not self._model.reject(self._item.approval.id, self.reason.text):
            self.error.text = self._words("approvals.reason_needed")
            return
        self.close()
        self._model.open(None)


load_kv(__file__)
