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
from mobile.core.wire import ApprovalEntry, HistoryEvent
from mobile.ui.buttons import Chip, PushButton
from mobile.ui.field import Field
from mobile.ui.layout import load_kv
from mobile.ui.panels import ErrorText, LabeledValue, SectionTitle
from mobile.ui.sheet import BottomSheet
from mobile.ui.skeleton import Skeleton
from mobile.ui.status import StateChip, Tag
from mobile.ui.week import DayBar
from mobile.viewmodels.approvals import SUGGESTIONS, ApprovalsModel, Item

if TYPE_CHECKING:
    from mobile.ui.frame import ScreenFrame


STEP_ICONS = {
    "submitted": "send-check",
    "approved": "check-decagram",
    "rejected": "alert-circle-outline",
    "withdrawn": "undo-variant",
    "reopened": "lock-open-variant-outline",
}


class AuthorityLine(MDBoxLayout):
    text = StringProperty()


class TimelineStep(MDBoxLayout):
    """What happened, on a line that joins it to what came before and after."""

    icon = StringProperty()
    name = StringProperty()
    below = StringProperty()
    first = BooleanProperty(False)
    last = BooleanProperty(False)


class ApprovalDetail(MDBoxLayout):
    def __init__(
        self, item: Item, model: ApprovalsModel, frame: ScreenFrame, *, with_back: bool
    ) -> None:
        super().__init__()
        self._item = item
        self._model = model
        self._frame = frame
        strings, approval = frame.strings, item.approval
        self.ids.back.opacity = 1 if with_back else 0
        self.ids.back.disabled = not with_back
        self.ids.back.width = dp(48) if with_back else dp(8)
        self.ids.back.bind(on_release=lambda *_: model.open(None))
        self.ids.name.text = item.name
        self.ids.week.text = strings.week(Week.parse(approval.week))
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
            list_.add_widget(AuthorityLine(text=why))
        self._fill_days()
        totals = sorted(approval.by_project.items(), key=lambda pair: -pair[1])
        name_of = self._model.project_name
        figures = [
            LabeledValue(name=name_of(code), figure=format_duration(m)) for code, m in totals
        ]
        self._part("approvals.by_project", figures)
        self._part("approvals.entries", [self._entry(entry) for entry in approval.entries])
        if self._model.loading_detail and not approval.entries:
            list_.add_widget(Skeleton())
        self._part("approvals.history", self._steps(approval.history))

    def _state(self) -> StateChip:
        strings, approval, mark = self._frame.strings, self._item.approval, StateChip()
        text = strings(f"state.{approval.state}")
        if approval.reason and approval.state is ApprovalState.REJECTED:
            text = strings("state.rejected_because", reason=approval.reason)
        if self._item.waiting:
            text = strings("state.to_be_sent", state=text)
        mark.show(approval.state, text)
        return mark

    def _why(self) -> str:
        """By what right the person decides this week."""
        strings, approval = self._frame.strings, self._item.approval
        place = self._model.stands_in_for(approval) if approval.why == "delegate" else None
        if place is not None:
            until = strings.short_day(place.until)
            return strings("why.delegate_until", name=place.name or place.person, until=until)
        key = f"why.{approval.why}"
        return strings(key) if strings.known(key) else ""

    def _part(self, key: str, rows: list[LabeledValue] | list[TimelineStep]) -> None:
        if rows:
            self.ids.list.add_widget(SectionTitle(text=self._frame.strings(key)))
        for row in rows:
            self.ids.list.add_widget(row)

    def _tags(self, flags: tuple[str, ...]) -> MDStackLayout:
        strings, tags = self._frame.strings, MDStackLayout(adaptive_height=True, spacing=dp(6))
        for flag in flags:
            key = f"flag.{flag}"
            tags.add_widget(Tag(text=strings(key) if strings.known(key) else flag))
        return tags

    def _fill_days(self) -> None:
        strings, approval = self._frame.strings, self._item.approval
        bars = MDBoxLayout(size_hint_y=None, height=dp(112))
        for day in Week.parse(approval.week).days:
            minutes = approval.by_day.get(day, 0)
            bars.add_widget(
                DayBar(
                    letter=f"{strings.weekday_letter(day)} {day.day}",
                    hours=format_duration(minutes) if minutes else "\u2013",
                    share=minutes / 480,
                )
            )
        self.ids.list.add_widget(bars)

    def _entry(self, entry: ApprovalEntry) -> LabeledValue:
        strings, name = self._frame.strings, self._model.project_name(entry.project)
        day = strings.weekday_and_day(entry.date)
        below = f"{day} · {entry.note}" if entry.note else day
        return LabeledValue(name=name, figure=format_duration(entry.minutes), below=below)

    def _steps(self, steps: tuple[HistoryEvent, ...]) -> list[TimelineStep]:
        made = [self._step(step) for step in steps]
        if made:
            made[0].first = made[-1].last = True
        return made

    def _step(self, step: HistoryEvent) -> TimelineStep:
        strings = self._frame.strings
        key = f"state.{step.event}"
        moment = strings.moment(step.at) if step.at is not None else ""
        return TimelineStep(
            icon=STEP_ICONS.get(step.event, "circle-medium"),
            name=strings(key) if strings.known(key) else step.event,
            below=" · ".join(part for part in (moment, step.reason or "") if part),
        )

    def _offer(self) -> None:
        """Approve and Reject, while there is something to decide."""
        strings, foot, approval = self._frame.strings, self.ids.foot, self._item.approval
        if approval.state is not ApprovalState.PENDING:
            foot.height = 0
            return
        reject = PushButton(kind="outlined", text=strings("approvals.reject"), size_hint_x=1)
        reject.bind(on_release=lambda *_: self._ask_why())
        approve = PushButton(text=strings("approvals.approve"), size_hint_x=1)
        approve.bind(on_release=lambda *_: self._approve())
        foot.add_widget(reject)
        foot.add_widget(approve)

    def _approve(self) -> None:
        self._model.open(None)
        self._model.approve(self._item.approval.id)

    def _ask_why(self) -> None:
        self._frame.show(ReasonSheet(self._item, self._model, self._frame))


class ReasonSheet(BottomSheet):
    def __init__(self, item: Item, model: ApprovalsModel, frame: ScreenFrame) -> None:
        strings = frame.strings
        super().__init__(title=strings("approvals.reason"))
        self._item = item
        self._model = model
        self._strings = strings
        self.reason = Field(hint=strings("approvals.reason"), max_lines=5)
        self.ids.content.add_widget(self.reason)
        self.error = ErrorText()
        self.ids.content.add_widget(self.error)
        earlier = MDStackLayout(adaptive_height=True, spacing=dp(8))
        for text in model.reasons()[:SUGGESTIONS]:
            chip = Chip(text=text, icon="history")
            chip.bind(on_release=lambda _chip, text=text: setattr(self.reason, "text", text))
            earlier.add_widget(chip)
        self.ids.content.add_widget(earlier)
        reject = PushButton(text=strings("approvals.reject"), size_hint_x=1)
        reject.bind(on_release=lambda *_: self.reject())
        self.ids.foot.add_widget(reject)

    def reject(self) -> None:
        if not self._model.reject(self._item.approval.id, self.reason.text):
            self.error.text = self._strings("approvals.reason_needed")
            return
        self.close()
        self._model.open(None)


load_kv(__file__)
