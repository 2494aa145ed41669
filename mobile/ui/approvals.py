"""The weeks of others: a list, and one of them in detail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kivy.metrics import dp
from kivy.properties import BooleanProperty, ObjectProperty, StringProperty
from kivy.uix.recycleview import RecycleView
from kivymd.uix.boxlayout import MDBoxLayout
from kivymd.uix.relativelayout import MDRelativeLayout

from mobile.core.durations import format_duration
from mobile.core.weeks import Week
from mobile.ui.approval import ApprovalDetail
from mobile.ui.lean import SpareRows
from mobile.ui.parts import Chip, Empty, Tap, load_kv
from mobile.ui.skeleton import Skeleton
from mobile.viewmodels.approvals import ApprovalsModel, Item

if TYPE_CHECKING:
    from mobile.ui.shell import Shell

TABS = ("waiting", "decided", "overdue")
PLACES = ("first", "second", "third")


class ApprovalRow(Tap):
    """A row of the recycled list: everything it shows comes from its data."""

    key = StringProperty()
    name = StringProperty()
    week = StringProperty()
    hours = StringProperty()
    state = StringProperty()
    # Three that are there from the start: to make widgets while scrolling is what takes time.
    first = StringProperty()
    second = StringProperty()
    third = StringProperty()
    selectable = BooleanProperty(False)
    selected = BooleanProperty(False)
    opened = BooleanProperty(False)

    def on_release(self) -> None:
        if self.key:
            self.parent.parent.screen.open(self.key)

    def toggle(self) -> None:
        self.parent.parent.screen.model.select(self.key)


class ApprovalList(SpareRows, RecycleView):
    row_class = ApprovalRow
    screen = ObjectProperty()


class ApprovalsScreen(MDRelativeLayout):
    split = BooleanProperty(False)
    tab = StringProperty("waiting")
    model: ApprovalsModel = ObjectProperty()

    def __init__(self, model: ApprovalsModel, shell: Shell, **options: object) -> None:
        super().__init__(model=model, **options)
        self._shell = shell
        self.list = ApprovalList(screen=self)
        self._detail: ApprovalDetail | None = None
        shell.bind(split=self._lay_out)
        self._unwatch = model.watch(self.render)
        self._lay_out(shell, shell.split)

    def leave(self) -> None:
        self._shell.unbind(split=self._lay_out)
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
        words, tabs = self._shell.words, self.ids.tabs
        tabs.clear_widgets()
        for tab in TABS:
            text = words(f"approvals.{tab}", count=len(self.model.pending))
            chip = Chip(text=text, active=tab == self.tab)
            chip.bind(on_release=lambda _chip, tab=tab: self.choose_tab(tab))
            tabs.add_widget(chip)

    def _render_list(self) -> None:
        words, place = self._shell.words, self.ids.place
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
            hint = words("approvals.none_hint") if self.tab == "waiting" else ""
            place.add_widget(Empty(title=words(f"approvals.{suffix[self.tab]}"), hint=hint))
        place.add_widget(MDBoxLayout())

    def _data(self) -> list[dict[str, object]]:
        if self.tab == "overdue":
            return [self._overdue(each.person_name or each.person) for each in self.model.overdue]
        items = self.model.pending if self.tab == "waiting" else self.model.decided
        return [self._row(item) for item in items]

    def _row(self, item: Item) -> dict[str, object]:
        words, approval = self._shell.words, item.approval
        waiting = self.tab == "waiting"
        flags = [words(f"flag.{flag}") for flag in approval.flags if words.known(f"flag.{flag}")]
        tags = flags if flags or not waiting else [words("flag.none")]
        state = words(f"state.{approval.state}")
        if item.waiting:
            state = words("state.to_be_sent", state=state)
        number = Week.parse(approval.week).number
        return {
            "key": approval.id,
            "name": item.name,
            "week": words("approvals.week", number=number),
            "hours": format_duration(approval.total_minutes),
            "state": "" if waiting else state,
            **_named(tags if waiting else []),
            "selectable": waiting,
            "selected": approval.id in self.model.selected,
            "opened": self.split and approval.id == self.model.opened,
        }

    def _overdue(self, name: str) -> dict[str, object]:
        last = Week.of(self._shell.today).plus(-1)
        told = self._shell.words("approvals.not_submitted", number=last.number)
        return {
            "key": "",
            "name": name,
            "week": told,
            "hours": "",
            "state": "",
            "tags": [],
            "selectable": False,
            "selected": False,
            "opened": False,
        }

    def _render_bulk(self) -> None:
        words, model, bulk = self._shell.words, self.model, self.ids.bulk
        chosen, clean = len(model.selected), len(model.clean)
        shown = self.tab == "waiting" and (chosen or clean)
        bulk.opacity, bulk.disabled = (1, False) if shown else (0, True)
        bulk.height = dp(48) if shown else 0
        if chosen:
            bulk.text = words("approvals.approve_selected", count=chosen)
        else:
            bulk.text = words("approvals.approve_clean", count=clean)

    def approve_several(self) -> None:
        if self.model.selected:
            self.model.approve_selected()
        else:
            self.model.approve_clean()

    def _render_detail(self) -> None:
        item, words = self.model.detail, self._shell.words
        self.ids.side.clear_widgets()
        self.ids.over.clear_widgets()
        self.ids.over.opacity = 0
        place = self.ids.side if self.split else self.ids.over
        if item is None:
            if self.split:
                hint = words("approvals.choose")
                self.ids.side.add_widget(Empty(icon="account-clock-outline", title=hint))
                self.ids.side.add_widget(MDBoxLayout())
            return
        place.opacity = 1
        place.add_widget(ApprovalDetail(item, self.model, self._shell, with_back=not self.split))

    def _lay_out(self, _shell: Shell, split: bool) -> None:
        self.split = split
        self.render()


def _named(tags: list[str]) -> dict[str, str]:
    return dict(zip(PLACES, [*tags, "", "", ""], strict=False))


load_kv(__file__)
