"""One submitted week: what it holds, who decides and why, and the decision."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from kivy.metrics import dp
from kivy.properties import BooleanProperty, StringProperty
from kivymd.uix.boxlayout import MDBoxLayout
from kivymd.uix.stacklayout import MDStackLayout

from mobile.core.durations import format_duration
from mobile.core.palette import project_color
from mobile.core.rules import ApprovalState
from mobile.core.weeks import Week
from mobile.core.wire import Approval, ApprovalEntry, HistoryEvent
from mobile.ui.buttons import Chip, PushButton
from mobile.ui.daybar import DayBar, show_bars
from mobile.ui.field import Field
from mobile.ui.layout import load_kv
from mobile.ui.panels import ErrorText, LabeledValue, SectionTitle
from mobile.ui.sheet import BottomSheet
from mobile.ui.skeleton import Skeleton
from mobile.ui.status import StateChip, Tag
from mobile.viewmodels.approval_items import Item
from mobile.viewmodels.approvals import SUGGESTIONS, ApprovalsModel

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
    """A line that says by what right the person decides."""

    icon = StringProperty("account-tie-outline")
    text = StringProperty()


class TimelineStep(MDBoxLayout):
    """An action, on a line that joins it to the ones before and after."""

    icon = StringProperty()
    name = StringProperty()
    below = StringProperty()
    first = BooleanProperty(False)
    last = BooleanProperty(False)


class ApprovalDetail(MDBoxLayout):
    """A submitted week with its days, its history and the buttons that decide on it."""

    def __init__(
        self, item: Item, model: ApprovalsModel, frame: ScreenFrame, *, with_back: bool
    ) -> None:
        super().__init__()
        self.item = item
        self._model = model
        self._frame = frame
        strings, approval = frame.strings, item.approval
        self.ids.back.opacity = 1 if with_back else 0
        self.ids.back.disabled = not with_back
        self.ids.back.width = dp(48) if with_back else dp(8)
        self.ids.back.bind(on_release=lambda *_: model.open(None))
        self.ids.name.text = item.name
        self.ids.week.text = strings.week(Week.parse(approval.week))
        done, target = format_duration(approval.total_minutes), approval.target_minutes
        if target:
            done = strings("of", done=done, target=format_duration(target))
        self.ids.total.text = done
        self._fill()
        self._offer()

    def _fill(self) -> None:
        approval, list_ = self.item.approval, self.ids.list
        if approval.flags:
            list_.add_widget(self._tags(approval.flags))
        if approval.previous_reason:
            text = self._frame.strings("approvals.previous_reason", reason=approval.previous_reason)
            list_.add_widget(AuthorityLine(icon="comment-alert-outline", text=text))
        if approval.state is not ApprovalState.PENDING:
            list_.add_widget(self._state())
        why = self._why()
        if why:
            list_.add_widget(AuthorityLine(text=why))
        self._fill_days()
        totals = sorted(approval.by_project.items(), key=lambda pair: -pair[1])
        name_of = self._model.project_name
        rows = [
            LabeledValue(
                name=name_of(code), figure=format_duration(minutes), stripe=self._color(code)
            )
            for code, minutes in totals
        ]
        self._part("approvals.by_project", rows)
        self._fill_entries()
        if self._model.loading_detail and not approval.entries:
            list_.add_widget(Skeleton())
        self._part("approvals.history", self._steps(approval.history))

    def _fill_entries(self) -> None:
        """By day, each with its sum."""
        strings, list_ = self._frame.strings, self.ids.list
        for day, entries in self._model.entries_by_day(self.item.approval):
            total = format_duration(sum(entry.minutes for entry in entries))
            list_.add_widget(SectionTitle(text=f"{strings.day(day)} · {total}"))
            for entry in entries:
                list_.add_widget(self._entry(entry))

    def _state(self) -> StateChip:
        strings, approval, mark = self._frame.strings, self.item.approval, StateChip()
        text = strings(f"state.{approval.state}")
        if approval.reason and approval.state is ApprovalState.REJECTED:
            text = strings("state.rejected_because", reason=approval.reason)
        if self.item.waiting:
            text = strings("state.to_be_sent", state=text)
        mark.show(approval.state, text)
        return mark

    def _why(self) -> str:
        """By what right the person decides this week."""
        strings, approval = self._frame.strings, self.item.approval
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
        strings, approval = self._frame.strings, self.item.approval
        place = MDBoxLayout(size_hint_y=None, height=dp(112))
        week = Week.parse(approval.week)
        # They show and cannot be chosen.
        bars = [DayBar(disabled=True) for _ in week.days]
        for bar in bars:
            place.add_widget(bar)
        minutes = [_minutes_of(approval, day) for day in week.days]
        target, dark = approval.target_minutes, self._frame.dark
        show_bars(bars, week.days, minutes, target, strings, dark=dark)
        self.ids.list.add_widget(place)

    def _entry(self, entry: ApprovalEntry) -> LabeledValue:
        name = self._model.project_name(entry.project)
        below = " · ".join(part for part in (entry.task or "", entry.note) if part)
        figure, stripe = format_duration(entry.minutes), self._color(entry.project)
        return LabeledValue(name=name, figure=figure, below=below, stripe=stripe)

    def _color(self, code: str) -> str:
        return project_color(code, dark=self._frame.dark)

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
        strings, foot, approval = self._frame.strings, self.ids.foot, self.item.approval
        if self._model.can_reopen:
            reopen = PushButton(kind="outlined", text=strings("approvals.reopen"), size_hint_x=1)
            reopen.bind(on_release=lambda *_: self._ask_why(reopen=True))
            foot.add_widget(reopen)
            return
        if approval.state is not ApprovalState.PENDING:
            foot.padding = 0
            return
        reject = PushButton(kind="danger_outlined", text=strings("approvals.reject"), size_hint_x=1)
        reject.bind(on_release=lambda *_: self._ask_why())
        approve = PushButton(text=strings("approvals.approve"), size_hint_x=1)
        approve.bind(on_release=lambda *_: self._approve())
        foot.add_widget(reject)
        foot.add_widget(approve)

    def _approve(self) -> None:
        self._model.open(None)
        self._model.approve(self.item.approval.id)

    def _ask_why(self, *, reopen: bool = False) -> None:
        self._frame.show(ReasonSheet(self.item, self._model, self._frame, reopen=reopen))


def _minutes_of(approval: Approval, day: date) -> dict[str, int]:
    """The minutes of a day by project; until the entries are read, only their sum is known."""
    entries = [entry for entry in approval.entries if entry.date == day]
    if not entries and day in approval.by_day:
        return {"": approval.by_day[day]}
    totals: dict[str, int] = {}
    for entry in entries:
        totals[entry.project] = totals.get(entry.project, 0) + entry.minutes
    return totals


class ReasonSheet(BottomSheet):
    """Reject or reopen a week. The typed text stays for the next time the sheet is opened."""

    def __init__(
        self, item: Item, model: ApprovalsModel, frame: ScreenFrame, *, reopen: bool = False
    ) -> None:
        strings = frame.strings
        self._key = "approvals.reopen" if reopen else "approvals.reject"
        super().__init__(title=f"{strings(self._key)}: {item.name}")
        self._act = model.reopen if reopen else model.reject
        self._item = item
        self._model = model
        self._strings = strings
        key = item.approval.id
        self.reason = Field(hint=strings("approvals.reason"), max_lines=5)
        self.reason.text = model.typed_reason(key)
        self.reason.callback = lambda text: model.keep_reason(key, text)
        self.ids.content.add_widget(self.reason)
        self.error = ErrorText()
        self.ids.content.add_widget(self.error)
        earlier = MDStackLayout(adaptive_height=True, spacing=dp(8))
        for text in model.reasons()[:SUGGESTIONS]:
            chip = Chip(text=text, icon="history")
            chip.bind(on_release=lambda _chip, text=text: setattr(self.reason, "text", text))
            earlier.add_widget(chip)
        self.ids.content.add_widget(earlier)
        kind = "filled" if reopen else "danger"
        confirm = PushButton(kind=kind, text=strings(self._key), size_hint_x=1)
        confirm.bind(on_release=lambda *_: self.confirm())
        self.ids.foot.add_widget(confirm)

    def confirm(self) -> None:
        """Decide with the reason as typed."""
        if not self._act(self._item.approval.id, self.reason.text):
            self.error.text = self._strings("approvals.reason_needed")
            return
        self.close()
        self._model.open(None)


load_kv(__file__)
