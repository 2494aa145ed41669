"""Other people's weeks: a list, and one of them in detail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kivy.metrics import dp
from kivy.properties import BooleanProperty, ObjectProperty, StringProperty
from kivymd.uix.boxlayout import MDBoxLayout
from kivymd.uix.relativelayout import MDRelativeLayout

from mobile.ui.approval import ApprovalDetail
from mobile.ui.approval_rows import ApprovalList, RowData, TabItem
from mobile.ui.buttons import Chip, PushButton
from mobile.ui.field import Field
from mobile.ui.layout import load_kv
from mobile.ui.panels import EmptyState
from mobile.ui.skeleton import Skeleton
from mobile.viewmodels.approval_items import Grouping, Item
from mobile.viewmodels.approvals import ApprovalsModel

if TYPE_CHECKING:
    from mobile.ui.frame import ScreenFrame

TABS = ("waiting", "decided", "overdue")
# From so many weeks on a search field and groups help.
MANY = 6


class ApprovalsScreen(MDRelativeLayout):
    """The approvals: tabs, search, selection, and the open one beside or above the list."""

    split = BooleanProperty(False)
    tab = StringProperty("waiting")
    model: ApprovalsModel = ObjectProperty()

    def __init__(self, model: ApprovalsModel, frame: ScreenFrame, **options: object) -> None:
        super().__init__(model=model, **options)
        self._frame = frame
        strings = frame.strings
        self.bulk = PushButton(kind="filled", size_hint_x=1)
        self.bulk.bind(on_release=lambda *_: self.approve_several())
        self.all = PushButton(kind="text")
        self.all.bind(on_release=lambda *_: model.select_all())
        self.search = Field(hint=strings("approvals.search"), callback=model.search)
        self.list = ApprovalList(screen=self)
        frame.make_refreshable(self.list)
        self._tabs = self._make_tabs()
        self._groups = self._make_groups()
        # The data the detail was built for: it is built again only for other data.
        self._detailed: tuple[object, ...] = ()
        frame.bind(split=self._lay_out)
        # The height of a row depends on the width.
        self.bind(width=lambda *_: self.render())
        self._unwatch = model.watch(self.render)
        self._lay_out(frame, frame.split)

    @property
    def foot_height(self) -> float:
        """The height that a snackbar leaves free."""
        return 0 if self.split else self.ids.foot.height

    def leave(self) -> None:
        """Stop watching; the screen goes."""
        self._frame.unbind(split=self._lay_out)
        self._unwatch()

    def back(self) -> bool:
        """Whether there was something to go back from."""
        if self.model.opened is None:
            return False
        self.model.open(None)
        return True

    def open(self, approval_id: str) -> None:
        """Open an approval."""
        self.model.open(approval_id)

    def choose_tab(self, tab: str) -> None:
        """Show another tab."""
        self.tab = tab
        if tab == "decided":
            self.model.show_decided()
        self.render()

    def render(self) -> None:
        """Show the model as it is now."""
        self._render_tabs()
        self._render_tools()
        self._render_list()
        self._render_bulk()
        self._render_detail()

    def _make_tabs(self) -> dict[str, TabItem]:
        items = {}
        for tab in TABS:
            items[tab] = TabItem()
            items[tab].bind(on_release=lambda _item, tab=tab: self.choose_tab(tab))
            self.ids.tabs.add_widget(items[tab])
        return items

    def _make_groups(self) -> dict[Grouping, Chip]:
        chips = {}
        for grouping in Grouping:
            chip = Chip(text=self._frame.strings(f"approvals.group.{grouping}"))
            chip.bind(on_release=lambda _chip, each=grouping: self.model.group(each))
            chips[grouping] = chip
        return chips

    def _render_tabs(self) -> None:
        strings = self._frame.strings
        for tab, item in self._tabs.items():
            item.text = strings(f"approvals.{tab}", count=len(self.model.pending))
            item.active = tab == self.tab

    def _render_tools(self) -> None:
        """Search and groups, once there is enough to search in."""
        tools, model = self.ids.tools, self.model
        many = (self.tab != "overdue" and len(self._items()) >= MANY) or bool(model.query)
        if many and not tools.children:
            tools.add_widget(self.search)
            chips = MDBoxLayout(adaptive_height=True, spacing=dp(8))
            for chip in self._groups.values():
                if chip.parent is not None:
                    chip.parent.remove_widget(chip)
                chips.add_widget(chip)
            tools.add_widget(chips)
        elif not many:
            tools.clear_widgets()
        for grouping, chip in self._groups.items():
            chip.active = grouping is model.grouping

    def _items(self) -> list[Item]:
        return self.model.pending if self.tab == "waiting" else self.model.decided

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
        elif self.model.query and self._items():
            place.add_widget(EmptyState(title=strings("approvals.no_match")))
        else:
            suffix = {"waiting": "none", "decided": "none_decided", "overdue": "none_overdue"}
            hint = strings("approvals.none_hint") if self.tab == "waiting" else ""
            place.add_widget(EmptyState(title=strings(f"approvals.{suffix[self.tab]}"), hint=hint))
        place.add_widget(MDBoxLayout())

    def _data(self) -> list[dict[str, object]]:
        rows = RowData(self._frame, self.model, self.tab, split=self.split)
        if self.tab == "overdue":
            return [rows.overdue(each) for each in self.model.overdue]
        found = []
        for section in self.model.sections(self._items()):
            for number, item in enumerate(section.items):
                title = rows.section(section.title) if number == 0 else ""
                found.append(rows.row(item, title))
        return found

    def _render_bulk(self) -> None:
        strings, model = self._frame.strings, self.model
        chosen, clean = len(model.selected), len(model.clean)
        waiting = self.tab == "waiting" and bool(model.pending)
        foot = self.ids.foot
        foot.clear_widgets()
        if not waiting:
            return
        everything = chosen == len(model.pending)
        self.all.text = strings("approvals.select_none" if everything else "approvals.select_all")
        foot.add_widget(self.all)
        if chosen:
            self.bulk.text = strings("approvals.approve_selected", count=chosen)
        elif clean:
            self.bulk.text = strings("approvals.approve_clean", count=clean)
        else:
            return
        foot.add_widget(self.bulk)
        foot.arrange()

    def approve_several(self) -> None:
        """Approve the selection, or all without flags."""
        if self.model.selected:
            self.model.approve_selected()
        else:
            self.model.approve_clean()

    def _render_detail(self) -> None:
        """A refresh that changes nothing leaves the detail, and its scroll position, alone."""
        item, strings = self.model.detail, self._frame.strings
        state = (item, self.split, self.model.loading_detail, self.model.can_reopen)
        if state == self._detailed:
            return
        same = bool(self._detailed) and item is not None and self._shows(item)
        self._detailed = state
        scrolled = self._scroll_position() if same else 1.0
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
        detail = ApprovalDetail(item, self.model, self._frame, with_back=not self.split)
        detail.ids.scroll.scroll_y = scrolled
        place.add_widget(detail)

    def _shows(self, item: Item) -> bool:
        detail = self._detail_widget()
        return detail is not None and detail.item.approval.id == item.approval.id

    def _scroll_position(self) -> float:
        detail = self._detail_widget()
        return float(detail.ids.scroll.scroll_y) if detail is not None else 1.0

    def _detail_widget(self) -> ApprovalDetail | None:
        children = (*self.ids.side.children, *self.ids.over.children)
        return next((each for each in children if isinstance(each, ApprovalDetail)), None)

    def _lay_out(self, _frame: ScreenFrame, split: bool) -> None:
        self.split = split
        self.render()


load_kv(__file__)
