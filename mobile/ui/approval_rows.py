"""The rows of the list of approvals: the widget, and the data it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kivy.metrics import dp, sp
from kivy.properties import BooleanProperty, ObjectProperty, StringProperty
from kivy.uix.recycleview import RecycleView

from mobile.core.durations import format_duration
from mobile.core.weeks import Week
from mobile.core.wire import Approval, OverdueWeek
from mobile.text import Strings
from mobile.ui.buttons import TappableRow
from mobile.ui.lightweight import RowPool
from mobile.ui.pull import PullToRefresh
from mobile.ui.status import ICONS
from mobile.ui.text import text_height, text_width
from mobile.viewmodels.approval_items import Grouping, Item
from mobile.viewmodels.approvals import ApprovalsModel

if TYPE_CHECKING:
    from mobile.ui.frame import ScreenFrame

PLACES = ("first", "second", "third")
LIST_WIDTH = 380
# The width beside the tags in a row, and beside the text in a tag.
TAGS_MARGIN, TAG_MARGIN = 110, 24
# The width beside the texts of a row, with the box that selects it.
ROW_MARGIN = 72


class ApprovalRow(TappableRow):
    """A row of the recycled list: everything it shows comes from its data."""

    key = StringProperty()
    section = StringProperty()
    name = StringProperty()
    week = StringProperty()
    hours = StringProperty()
    # Three that are there from the start: making widgets while scrolling is what takes time.
    first = StringProperty()
    second = StringProperty()
    third = StringProperty()
    more = StringProperty()
    clean = BooleanProperty(False)
    mark = StringProperty()
    selectable = BooleanProperty(False)
    selected = BooleanProperty(False)
    opened = BooleanProperty(False)
    # Whether the hours stand below the name instead of beside it.
    stacked = BooleanProperty(False)

    def on_release(self) -> None:
        if self.key:
            self.parent.parent.screen.open(self.key)

    def toggle(self) -> None:
        """Select the row, or take it out of the selection."""
        self.parent.parent.screen.model.select(self.key)


class TabItem(TappableRow):
    """A tab above the list."""

    text = StringProperty()
    active = BooleanProperty(False)


class ApprovalList(PullToRefresh, RowPool, RecycleView):
    """The list of approvals; its rows are reused."""

    row_class = ApprovalRow
    screen = ObjectProperty()


class RowData:
    """The contents of each row, as data for the recycled list."""

    def __init__(self, frame: ScreenFrame, model: ApprovalsModel, tab: str, *, split: bool) -> None:
        self._frame = frame
        self._model = model
        self._tab = tab
        self._split = split

    def section(self, title: str) -> str:
        """A week in words, a name as it is."""
        if self._model.grouping is not Grouping.WEEK or not title:
            return title
        return " · ".join(reversed(self._week_parts(title)))

    def _week_parts(self, week: str) -> tuple[str, str]:
        return self._frame.strings.week_parts(Week.parse(week), self._frame.today)

    def row(self, item: Item, section: str) -> dict[str, object]:
        """The properties of an approval's row."""
        strings, approval = self._frame.strings, item.approval
        waiting = self._tab == "waiting"
        flags = [
            strings(f"flag.{flag}") for flag in approval.flags if strings.known(f"flag.{flag}")
        ]
        state = strings(f"state.{approval.state}")
        if item.waiting:
            state = strings("state.to_be_sent", state=state)
        span, number = self._week_parts(approval.week)
        details = [number, span]
        if waiting and approval.submitted_at is not None:
            details.append(self._submitted(approval))
        return {
            "key": approval.id,
            **self._placed(
                section=section,
                name=item.name,
                week=" · ".join(details),
                hours=hours_of(approval, strings),
                tags=(flags or [strings("flag.none")]) if waiting else [state],
            ),
            "clean": not waiting or not flags,
            "mark": "" if waiting else ICONS[approval.state],
            "selectable": waiting,
            "selected": approval.id in self._model.selected,
            "opened": self._split and approval.id == self._model.opened,
        }

    def _placed(
        self, *, section: str, name: str, week: str, hours: str, tags: list[str]
    ) -> dict[str, object]:
        """The texts of a row, and the height they need at its width."""
        width = self._list_width() - dp(ROW_MARGIN)
        beside = text_width(hours, "Title", "medium") + dp(8) if hours else 0
        stacked = text_width(name, "Body", "large") + beside > width
        height = text_height(name, "Body", "large", width if stacked else width - beside)
        if stacked and hours:
            height += text_height(hours, "Title", "medium", width) + dp(2)
        height += dp(4) + text_height(week, "Body", "medium", width)
        if tags:
            height += dp(4) + max(dp(24), text_height(tags[0], "Label", "medium", width) + dp(6))
        if section:
            height += dp(8) + text_height(section, "Label", "large", width)
        return {
            "section": section,
            "name": name,
            "week": week,
            "hours": hours,
            "stacked": stacked,
            "row_size": (None, max(dp(48), height) + dp(22)),
            **self._tags(tags),
        }

    def _submitted(self, approval: Approval) -> str:
        strings, days = self._frame.strings, self._model.days_waiting(approval)
        if days == 0:
            return strings("approvals.submitted_today")
        return strings("approvals.submitted_ago", count=days)

    def _tags(self, flags: list[str]) -> dict[str, str]:
        """As many as fit in a line, and how many more there are; the detail has them all."""
        free, shown = self._list_width() - dp(TAGS_MARGIN), []
        for flag in flags[: len(PLACES)]:
            free -= text_width(flag, "Label", "medium") + sp(14) + dp(TAG_MARGIN)
            if free < 0 and shown:
                break
            shown.append(flag)
        more = f"+{len(flags) - len(shown)}" if len(shown) < len(flags) else ""
        return {**dict(zip(PLACES, [*shown, "", "", ""], strict=False)), "more": more}

    def _list_width(self) -> float:
        return dp(LIST_WIDTH) if self._split else self._frame.content_width

    def overdue(self, overdue: OverdueWeek) -> dict[str, object]:
        """The properties of an overdue week's row."""
        strings = self._frame.strings
        week = Week.parse(overdue.week) if overdue.week else Week.of(self._frame.today).plus(-1)
        late = strings("approvals.days_late", count=overdue.days_late)
        return {
            "key": "",
            **self._placed(
                section="",
                name=overdue.person_name or overdue.person,
                week=strings("approvals.not_submitted", number=week.number),
                hours="",
                tags=[late] if overdue.days_late > 0 else [],
            ),
            "clean": False,
            "mark": "clock-alert-outline",
            "selectable": False,
            "selected": False,
            "opened": False,
        }


def hours_of(approval: Approval, strings: Strings) -> str:
    """`52:30 of 40:00`, without a target only the hours."""
    done = format_duration(approval.total_minutes)
    if not approval.target_minutes:
        return done
    return strings("of", done=done, target=format_duration(approval.target_minutes))
