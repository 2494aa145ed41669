"""Choosing a project: the latest as chips, all others by search."""

from __future__ import annotations

from collections.abc import Callable

from kivy.clock import Clock
from kivy.metrics import dp
from kivy.properties import StringProperty
from kivy.uix.recycleview import RecycleView
from kivymd.uix.boxlayout import MDBoxLayout

from mobile.core.wire import Project
from mobile.text import Strings
from mobile.ui.buttons import Chip, TappableRow
from mobile.ui.field import Field
from mobile.ui.layout import load_kv
from mobile.ui.panels import Caption
from mobile.ui.sheet import BottomSheet

ROWS_SEEN = 3.5


class ProjectRow(TappableRow):
    """A project to choose."""

    code = StringProperty()
    name = StringProperty()
    customer = StringProperty()

    def on_release(self) -> None:
        self.parent.parent.choose(self.code)


class ProjectList(RecycleView):
    """As many rows as are seen, however many projects there are."""

    def __init__(self, choose: Callable[[str], None], **options: object) -> None:
        super().__init__(**options)
        self.choose = choose

    def show(self, projects: list[Project]) -> None:
        """Show these projects."""
        self.data = [
            {"code": each.code, "name": each.name, "customer": f"{each.customer} · {each.code}"}
            for each in projects
        ]
        row = self.layout_manager.default_size[1] if self.layout_manager is not None else dp(64)
        self.height = row * min(ROWS_SEEN, len(projects))


class ProjectPicker(MDBoxLayout):
    """Recent projects to tap, and search over all."""

    def __init__(
        self,
        strings: Strings,
        find: Callable[[str], list[Project]],
        choose: Callable[[str], None],
        **options: object,
    ) -> None:
        super().__init__(**options)
        self._find = find
        self._choose = choose
        self._shown: list[Project] = []
        self._chips: dict[str, Chip] = {}
        self._more = Chip(text=strings("entry.all"), icon="magnify")
        self._more.bind(on_release=lambda *_: self.toggle())
        self.search = Field(hint=strings("entry.search"), callback=lambda _text: self._search())
        self.found = ProjectList(self._take)
        self._nothing = Caption(text=strings("entry.no_match"))

    @property
    def searching(self) -> bool:
        """Whether the search is open."""
        return self.search.parent is not None

    def show(self, recent: list[Project], chosen: Project | None) -> None:
        """The chosen one is always among the chips."""
        shown = [chosen, *recent] if chosen is not None and chosen not in recent else recent
        if shown != self._shown:
            self._shown = shown
            self._make_chips()
        for code, chip in self._chips.items():
            chip.active = chosen is not None and code == chosen.code

    def toggle(self) -> None:
        """Open or close the search."""
        opens = not self.searching
        for each in (self.search, self.found, self._nothing):
            self.remove_widget(each)
        self._more.active = opens
        if opens:
            self.search.text = ""
            self.add_widget(self.search)
            self.add_widget(self.found)
            self._search()
            Clock.schedule_once(lambda _dt: setattr(self.search.ids.input, "focus", True))

    def _make_chips(self) -> None:
        place = self.ids.chips
        place.clear_widgets()
        self._chips = {}
        for project in self._shown:
            chip = Chip(text=project.name, project=project.code)
            chip.bind(on_release=lambda _chip, code=project.code: self._choose(code))
            self._chips[project.code] = chip
            place.add_widget(chip)
        place.add_widget(self._more)

    def _search(self) -> None:
        found = self._find(self.search.text)
        self.found.show(found)
        self.remove_widget(self._nothing)
        if not found:
            self.add_widget(self._nothing)

    def _take(self, code: str) -> None:
        self._choose(code)
        self.toggle()


class ProjectSheet(BottomSheet):
    """Choose one project, by search."""

    def __init__(
        self,
        strings: Strings,
        find: Callable[[str], list[Project]],
        choose: Callable[[str], None],
    ) -> None:
        super().__init__(title=strings("entry.project"))
        self._find = find
        self._choose = choose
        search = Field(hint=strings("entry.search"), callback=self._search)
        self.found = ProjectList(self._take)
        self.ids.content.add_widget(search)
        self.ids.content.add_widget(self.found)
        self._search("")
        Clock.schedule_once(lambda _dt: setattr(search.ids.input, "focus", True))

    def _search(self, text: str) -> None:
        self.found.show(self._find(text))

    def _take(self, code: str) -> None:
        self.close()
        self._choose(code)


load_kv(__file__)
