"""The weeks of others: a list, and one of them in detail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kivy.metrics import dp, sp
from kivy.properties import BooleanProperty, ObjectProperty, StringProperty
from kivy.uix.recycleview import RecycleView
from kivymd.uix.boxlayout import MDBoxLayout
from kivymd.uix.relativelayout import MDRelativeLayout

from mobile.core.durations import format_duration
from mobile.core.weeks import Week
from mobile.core.wire import OverdueWeek
from mobile.ui.approval import ApprovalDetail
from mobile.ui.buttons import PushButton, TappableRow
from mobile.ui.layout import load_kv
from mobile.ui.lightweight import RowPool
from mobile.ui.panels import EmptyState
from mobile.ui.pull import PullToRefresh
from mobile.ui.skeleton import Skeleton
from mobile.ui.status import ICONS
from mobile.ui.text import text_width
from mobile.viewmodels.approvals import ApprovalsModel, Item

if TYPE_CHECKING:
    from mobile.ui.frame import ScreenFrame

TABS = ("waiting", "decided", "overdue")
PLACES = ("first", "second", "third")
LIST_WIDTH = 380
# What is beside the tags in a row, and beside the strings in a tag.
TAGS_MARGIN, TAG_MARGIN = 110, 24


class ApprovalRow(TappableRow):
    """A row of the recycled list: everything it shows comes from its data."""

    key = StringProperty()
    name = StringProperty()
    week = StringProperty()
    hours = StringProperty()
    # Three that are there from the start: to make widgets while scrolling is what takes time.
    first = StringProperty()
    second = StringProperty()
    third = StringProperty()
    more = StringProperty()
    clean = BooleanProperty(False)
    mark = StringProperty()
    selectable = BooleanProperty(False)
    selected = BooleanProperty(False)
    opened = BooleanProperty(False)

    def on_release(self) -> None:
        if self.key:
            self.parent.parent.screen.open(self.key)

    def toggle(self) -> None:
        self.parent.parent.screen.model.select(self.key)


class TabItem(TappableRow):
    text = StringProperty()
    active = BooleanProperty(False)


class ApprovalList(PullToRefresh, RowPool, RecycleView):
    row_class = ApprovalRow
    screen = ObjectProperty()


class ApprovalsScreen(MDRelativeLayout):
    split = BooleanProperty(False)
    tab = StringProperty("waiting")
    model: ApprovalsModel = ObjectProperty()

    def __init__(self, model: ApprovalsModel, frame: ScreenFrame, **options: object) -> None:
        super().__init__(model=model, **options)
        self._frame = frame
        self.bulk = PushButton(kind="tonal", size_hint_x=1)
        self.bulk.bind(on_release=lambda *_: self.approve_several())
        self.list = ApprovalList(screen=self)
        frame.make_refreshable(self.list)
        self._detail: ApprovalDetail | None = None
        frame.bind(split=self._lay_out)
        self._unwatch = model.watch(self.render)
        self._lay_out(frame, frame.split)

    @property
    def foot_height(self) -> float:
        return 0 if self.split else self.ids.foot.height

    def leave(self) -> None:
        self._frame.unbind(split=self._lay_out)
        self._unwatch()

    def back(self) -> bool:
        """Whether there was something to go back from."""
        if self.model.opened is None:
            return False
        self.model.open(None)
        return True

    def open(self, approval_id: str) -> None:
        self.model.open(approval_id)

    def choose_tab(self, tab: str) -> None:
        self.tab = tab
        self.render()

    def render(self) -> None:
        self._render_tabs()
        self._render_list()
        self._render_bulk()
        self._render_detail()

    def _render_tabs(self) -> None:
        strings, tabs = self._frame.strings, self.ids.tabs
        tabs.clear_widgets()
        for tab in TABS:
            text = strings(f"approvals.{tab}", count=len(self.model.pending))
            item = TabItem(text=text, active=tab == self.tab)
            item.bind(on_release=lambda _item, tab=tab: self.choose_tab(tab))
            tabs.add_widget(item)

    def _render_list(self) -> None:
        strings, place = self._frame.strings, self.ids.place
        data = self._data()
        if data:
            if self.list.parent is None:
                place.clear_widgets()
                place.add_widget(self.list)
            self.list.data = data
            return
        place.clear_widgets()
        if self.model.loading:
            for _ in range(3):
                place.add_widget(Skeleton())
        else:
            suffix = {"waiting": "none", "decided": "none_decided", "overdue": "none_overdue"}
            hint = strings("approvals.none_hint") if self.tab == "waiting" else ""
            place.add_widget(EmptyState(title=strings(f"approvals.{suffix[self.tab]}"), hint=hint))
        place.add_widget(MDBoxLayout())

    def _data(self) -> list[dict[str, object]]:
        if self.tab == "overdue":
            return [self._overdue(each) for each in self.model.overdue]
        items = self.model.pending if self.tab == "waiting" else self.model.decided
        return [self._row(item) for item in items]

    def _row(self, item: Item) -> dict[str, object]:
        strings, approval = self._frame.strings, item.approval
        waiting = self.tab == "waiting"
        flags = [
            strings(f"flag.{flag}") for flag in approval.flags if strings.known(f"flag.{flag}")
        ]
        state = strings(f"state.{approval.state}")
        if item.waiting:
            state = strings("state.to_be_sent", state=state)
        number = Week.parse(approval.week).number
        return {
            "key": approval.id,
            "name": item.name,
            "week": strings("approvals.week", number=number),
            "hours": format_duration(approval.total_minutes),
            **self._tags((flags or [strings("flag.none")]) if waiting else [state]),
            "clean": not waiting or not flags,
            "mark": "" if waiting else ICONS[approval.state],
            "selectable": waiting,
            "selected": approval.id in self.model.selected,
            "opened": self.split and approval.id == self.model.opened,
        }

    def _tags(self, flags: list[str]) -> dict[str, str]:
        """As many as fit in a line, and how many more there are; the detail has them all."""
        free, shown = self._list_width() - dp(TAGS_MARGIN), []
        for flag in flags[: len(PLACES)]:
            free -= text_width(flag, "Label", "medium") + sp(14) + dp(TAG_MARGIN)
            if free < 0:
                break
            shown.append(flag)
        more = f"+{len(flags) - len(shown)}" if len(shown) < len(flags) else ""
        return {**dict(zip(PLACES, [*shown, "", "", ""], strict=False)), "more": more}

    def _list_width(self) -> float:
        return dp(LIST_WIDTH) if self.split else self._frame.content_width

    def _overdue(self, missing: OverdueWeek) -> dict[str, object]:
        strings = self._frame.strings
        week = Week.parse(missing.week) if missing.week else Week.of(self._frame.today).plus(-1)
        late = strings("approvals.days_late", count=missing.days_late)
        return {
            "key": "",
            "name": missing.person_name or missing.person,
            "week": strings("approvals.not_submitted", number=week.number),
            "hours": "",
            **self._tags([late] if missing.days_late > 0 else []),
            "clean": False,
            "mark": "clock-alert-outline",
            "selectable": False,
            "selected": False,
            "opened": False,
        }

    def _render_bulk(self) -> None:
        strings, model, bulk = self._frame.strings, self.model, self.bulk
        chosen, clean = len(model.selected), len(model.clean)
        shown = self.tab == "waiting" and (chosen or clean)
        self.ids.foot.clear_widgets()
        if not shown:
            return
        self.ids.foot.add_widget(bulk)
        if chosen:
            bulk.text = strings("approvals.approve_selected", count=chosen)
        else:
            bulk.text = strings("approvals.approve_clean", count=clean)

    def approve_several(self) -> None:
        if self.model.selected:
            self.model.approve_selected()
        else:
            self.model.approve_clean()

    def _render_detail(self) -> None:
        item, strings = self.model.detail, self._frame.strings
        self.ids.side.clear_widgets()
        self.ids.over.clear_widgets()
        self.ids.over.opacity = 0
        place = self.ids.side if self.split else self.ids.over
        # On a phone the detail takes the list's place: no touch goes through it.
        covered = item is not None and not self.split
        self.ids.column.disabled, self.ids.column.opacity = covered, 0 if covered else 1
        if item is None:
            if self.split:
                hint = strings("approvals.choose")
                self.ids.side.add_widget(EmptyState(icon="account-clock-outline", title=hint))
                self.ids.side.add_widget(MDBoxLayout())
            return
        place.opacity = 1
        place.add_widget(ApprovalDetail(item, self.model, self._frame, with_back=not self.split))

    def _lay_out(self, _frame: ScreenFrame, split: bool) -> None:
        self.split = split
        self.render()


load_kv(__file__)
