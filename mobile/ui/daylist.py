"""The entries of the chosen day: a recycled list, so that sixty cost no more than six."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from kivy.metrics import dp, sp
from kivy.properties import NumericProperty, StringProperty
from kivy.uix.recycleview import RecycleView
from kivy.uix.scrollview import ScrollView
from kivymd.uix.boxlayout import MDBoxLayout

from mobile.core.durations import format_duration
from mobile.core.palette import project_color
from mobile.core.views import DayView, Sync
from mobile.ui.buttons import UNPLACED, PushButton
from mobile.ui.card import CardRow
from mobile.ui.layout import load_kv
from mobile.ui.lightweight import RowPool
from mobile.ui.panels import EmptyState
from mobile.ui.pull import PullToRefresh
from mobile.ui.skeleton import Skeleton
from mobile.ui.status import LockLine
from mobile.ui.text import text_width
from mobile.viewmodels.rows import DraftRow, Row

if TYPE_CHECKING:
    from mobile.ui.frame import ScreenFrame
    from mobile.ui.week import WeekScreen

# The width of a card beside its name and hours.
CARD_MARGIN = 112
SYNC_NOTES = {Sync.SYNCED: "", Sync.WAITING: "entry.waiting", Sync.FAILED: "entry.failed"}


class DayHead(MDBoxLayout):
    """The day above its entries."""

    text = StringProperty()
    hours = StringProperty()
    below = StringProperty()


class CardList(PullToRefresh, RowPool, RecycleView):
    """The entries of a day; its rows are reused."""

    row_class = CardRow


class EmptyDay(ScrollView):
    """Stands in place of a day's entries; it scrolls where there is little room."""


class DayList(MDBoxLayout):
    """The chosen day: its head, its lock, its entries."""

    # The height at which a card and a half can be seen, or the whole hint of an empty day.
    least = NumericProperty(0)

    def __init__(self, screen: WeekScreen, frame: ScreenFrame) -> None:
        super().__init__(orientation="vertical")
        self._screen = screen
        self._frame = frame
        self.head = DayHead()
        self.place = MDBoxLayout(orientation="vertical")
        self.locks = MDBoxLayout(adaptive_height=True, padding=(dp(16), 0))
        self.add_widget(self.head)
        self.add_widget(self.locks)
        self.add_widget(self.place)
        self.empty = EmptyDay()
        self.cards_list = CardList()
        for part in (self.head, self.locks, self.empty.ids.content):
            part.bind(height=self._measure)
        frame.make_refreshable(self.cards_list)
        strings = frame.strings
        self.copy = PushButton(kind="tonal", text=strings("week.copy"), pos_hint={"center_x": 0.5})
        self.copy.bind(on_release=lambda *_: screen.model.copy_last_week())

    def cards(self) -> Iterator[CardRow]:
        """The cards in view."""
        return iter([each for each in self.cards_list.walk() if isinstance(each, CardRow)])

    def render(self) -> None:
        """Show the day as it is now."""
        model, strings = self._screen.model, self._frame.strings
        day = model.view.days[model.day.weekday()]
        self.head.text = strings.day(day.date)
        self.head.hours = format_duration(day.minutes) if day.minutes else ""
        self.head.below = self._off_text(day)
        self.locks.clear_widgets()
        if day.lock is not None and model.view.lock is None:
            self.locks.add_widget(LockLine(text=strings(f"lock.{day.lock.reason}")))
        data = [self._draft(row) for row in model.draft_rows(day.date)]
        data += [self._card(row) for row in model.rows(day.date)]
        if data:
            if self.cards_list.parent is None:
                self.place.clear_widgets()
                self.place.add_widget(self.cards_list)
            self.cards_list.data = data
        else:
            self.cards_list.data = []
            self._show_empty()
        self._measure()

    def _measure(self, *_arguments: object) -> None:
        shown = self.empty.ids.content.height
        if self.cards_list.parent is not None:
            shown = _height("") * 1.5
        self.least = self.head.height + self.locks.height + shown

    def _off_text(self, day: DayView) -> str:
        strings = self._frame.strings
        if day.holiday is not None:
            return day.holiday
        if day.absence is None:
            return ""
        key = f"absence.{day.absence}"
        return strings(key) if strings.known(key) else strings("absence.unknown")

    def _show_empty(self) -> None:
        model, content = self._screen.model, self.empty.ids.content
        if self.empty.parent is None:
            self.place.clear_widgets()
            self.place.add_widget(self.empty)
        content.clear_widgets()
        if model.loading:
            for _ in range(3):
                content.add_widget(Skeleton())
            return
        content.add_widget(self._empty(model.view.known))
        if model.can_copy:
            content.add_widget(self.copy)

    def _empty(self, known: bool) -> EmptyState:
        strings = self._frame.strings
        if not known and self._frame.offline:
            return EmptyState(icon="cloud-off-outline", title=strings("week.unknown"))
        if not self._screen.model.can_add:
            return EmptyState(icon="calendar-blank-outline", title=strings("week.nothing_locked"))
        return EmptyState(
            icon="calendar-plus",
            title=strings("week.nothing"),
            hint=strings("week.nothing_hint"),
        )

    def _card(self, row: Row) -> dict[str, Any]:
        strings, entry = self._frame.strings, row.entry
        failed = entry.sync is Sync.FAILED
        note = strings(SYNC_NOTES[entry.sync]) if SYNC_NOTES[entry.sync] else ""
        hours, subtitle = format_duration(entry.draft.minutes), row.subtitle
        if not self._fits(row.title, hours):
            # The name has the width, and the hours stand below it.
            hours, subtitle = "", " · ".join(part for part in (hours, subtitle) if part)
        return {
            "key": entry.id,
            "title": row.title,
            "code": entry.draft.project,
            "subtitle": subtitle,
            "hours": hours,
            "note": note,
            "note_icon": "alert-circle-outline" if failed else "cloud-upload-outline",
            "failed": failed,
            "again": "" if failed else self._screen.actions.again_icon(entry.draft.date),
            "stripe": self._color(entry.draft.project),
            "uncovers": strings("delete"),
            "fixed": entry.lock is not None or failed,
            "is_draft": False,
            "row_size": (None, _height(note)),
            "screen": self,
        }

    def _fits(self, title: str, hours: str) -> bool:
        """Whether a project's name and the hours fit in one line of a card."""
        if self.width <= UNPLACED:
            return True
        taken = text_width(title, "Body", "large", bold=True) + text_width(hours, "Title", "medium")
        return taken <= self.width - dp(CARD_MARGIN)

    def _draft(self, row: DraftRow) -> dict[str, Any]:
        strings, draft = self._frame.strings, row.draft
        return {
            "key": draft.id,
            "title": row.title or strings("week.draft_untitled"),
            "code": draft.project or "",
            "subtitle": draft.note.replace("\n", " "),
            "hours": draft.duration,
            "note": strings("week.draft"),
            "note_icon": "pencil-outline",
            "failed": False,
            "again": "",
            "stripe": self._color(draft.project or ""),
            "uncovers": strings("entry.discard"),
            "fixed": False,
            "is_draft": True,
            "row_size": (None, _height("draft")),
            "screen": self,
        }

    def _color(self, code: str) -> str:
        return project_color(code, dark=self._frame.dark) if code else "#00000000"

    # Requests of a card

    def open(self, row: CardRow) -> None:
        """Open what the row stands for: an entry, a draft or a problem."""
        model = self._screen.model
        if row.is_draft:
            draft = next((each for each in model.drafts if each.id == row.key), None)
            if draft is not None:
                self._frame.open_draft(draft)
        elif row.failed:
            self._frame.open_problems()
        else:
            self._frame.edit_entry(row.key)

    def swiped(self, row: CardRow) -> None:
        """Delete what the row stands for."""
        model = self._screen.model
        if row.is_draft:
            model.drop_draft(row.key)
        else:
            model.delete(row.key)

    def held(self, row: CardRow) -> None:
        """Copy what the row stands for to another day."""
        if not row.is_draft:
            self._screen.actions.duplicate(row.key)

    def again(self, row: CardRow) -> None:
        """Repeat what the row stands for, or start its timer."""
        self._screen.actions.again(row.key)


def _height(note: str) -> float:
    """A card has one line each for the project, the details and, if any, its state."""
    return dp(28) + sp(46) + (sp(20) if note else 0)


load_kv(__file__)
