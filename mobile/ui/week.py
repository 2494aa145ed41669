"""The home screen."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from kivy.animation import Animation
from kivy.metrics import dp
from kivy.properties import BooleanProperty, NumericProperty, ObjectProperty, StringProperty
from kivymd.uix.boxlayout import MDBoxLayout
from kivymd.uix.label import MDIcon
from kivymd.uix.relativelayout import MDRelativeLayout

from mobile.core.durations import format_duration
from mobile.core.rules import ApprovalState
from mobile.core.views import Sync, WeekView
from mobile.ui.buttons import PushButton, TappableRow
from mobile.ui.calendar import DaySheet
from mobile.ui.card import CardRow
from mobile.ui.dialog import Choice, Dialog, Menu
from mobile.ui.layout import load_kv
from mobile.ui.panels import EmptyState, Panel
from mobile.ui.skeleton import Skeleton
from mobile.ui.status import LockLine
from mobile.viewmodels.week import Row, WeekModel

if TYPE_CHECKING:
    from mobile.ui.frame import ScreenFrame

SWIPE = 80


class DayBar(TappableRow):
    letter = StringProperty()
    hours = StringProperty()
    share = NumericProperty(0)
    chosen = BooleanProperty(False)
    today = BooleanProperty(False)


class WeekScreen(MDRelativeLayout):
    split = BooleanProperty(False)
    known = BooleanProperty(True)
    # What lies at the foot for a while pushes the button up.
    lift = NumericProperty(0)
    model: WeekModel = ObjectProperty()

    def __init__(self, model: WeekModel, frame: ScreenFrame, **options: object) -> None:
        super().__init__(model=model, **options)
        self._frame = frame
        self._swiping = None
        self.bars = [DayBar(on_release=self._choose) for _ in range(7)]
        for bar in self.bars:
            self.ids.days.add_widget(bar)
        strings = frame.strings
        self.copy = PushButton(kind="tonal", text=strings("week.copy"), pos_hint={"center_x": 0.5})
        self.copy.bind(on_release=lambda *_: model.copy_last_week())
        self.step = PushButton(on_release=lambda *_: self._take_step())
        frame.make_refreshable(self.ids.scroll)
        frame.bind(split=self._lay_out, lift=self.setter("lift"))
        self._unwatch = model.watch(self.render)
        self._lay_out(frame, frame.split)

    @property
    def foot_height(self) -> float:
        return self.ids.narrow_step.height

    def leave(self) -> None:
        self._frame.unbind(split=self._lay_out, lift=self.setter("lift"))
        self._unwatch()

    def render(self) -> None:
        model, view, strings = self.model, self.model.view, self._frame.strings
        self.ids.title.text = strings.week(view.week)
        self._render_days(view)
        done, target = format_duration(view.total_minutes), view.target_minutes
        self.ids.total.text = (
            strings("of", done=done, target=format_duration(target)) if target else done
        )
        self.ids.meter.share = view.total_minutes / target if target else 0
        state = ApprovalState.REJECTED if view.reason is not None else view.state
        self.known = view.known or view.total_minutes > 0
        self.ids.state.show(state, self._state_text(view))
        self._render_lock(view)
        self.ids.sync.busy = self._frame.busy
        self._render_step()
        self._render_list()
        self.ids.add.opacity = 1 if model.can_add else 0
        self.ids.add.disabled = not model.can_add

    def _render_lock(self, view: WeekView) -> None:
        place = self.ids.lock_place
        place.clear_widgets()
        if view.lock is not None:
            place.add_widget(LockLine(text=self._frame.strings(f"lock.{view.lock.reason}")))

    def _state_text(self, view: WeekView) -> str:
        strings = self._frame.strings
        if view.reason is not None:
            return strings("state.rejected_because", reason=view.reason)
        text = strings(f"state.{view.state}")
        return strings("state.to_be_sent", state=text) if view.waiting else text

    def _render_days(self, view: WeekView) -> None:
        strings = self._frame.strings
        a_day = max(1, (view.target_minutes or 2400) // 5)
        for bar, day in zip(self.bars, view.days, strict=True):
            bar.letter = f"{strings.weekday_letter(day.date)} {day.date.day}"
            bar.hours = format_duration(day.minutes) if day.minutes else "\u2013"
            bar.share = day.minutes / a_day
            bar.chosen = day.date == self.model.day
            bar.today = day.date == self.model.today

    def _render_step(self) -> None:
        model, strings = self.model, self._frame.strings
        for place in (self.ids.wide_step, self.ids.narrow_step):
            place.clear_widgets()
            place.padding = 0
        if not self.known or not (model.can_submit or model.can_withdraw):
            return
        place = self.ids.wide_step if self.split else self.ids.narrow_step
        place.padding = dp(16), dp(8)
        self.step.size_hint_x = 1
        self.step.text = strings("week.submit" if model.can_submit else "week.withdraw")
        self.step.kind = "filled" if model.can_submit and model.met else "outlined"
        place.add_widget(self.step)

    def _render_list(self) -> None:
        model, strings, place = self.model, self._frame.strings, self.ids.list
        place.clear_widgets()
        day = model.view.days[model.day.weekday()]
        hours = format_duration(day.minutes) if day.minutes else ""
        place.add_widget(DayHead(text=strings.day(day.date), hours=hours))
        if day.lock is not None and model.view.lock is None:
            place.add_widget(LockLine(text=strings(f"lock.{day.lock.reason}")))
        if model.loading:
            for _ in range(3):
                place.add_widget(Skeleton())
            return
        for row in model.rows(day.date):
            place.add_widget(self._card(row))
        if not day.entries:
            place.add_widget(self._empty(model.view.known))
            if model.can_copy:
                place.add_widget(self.copy)
        elif model.can_add:
            place.add_widget(Hint(text=strings("week.nothing_more")))

    def _empty(self, known: bool) -> EmptyState:
        strings = self._frame.strings
        if not known and self._frame.offline:
            return EmptyState(icon="cloud-off-outline", title=strings("week.unknown"))
        if not self.model.can_add:
            return EmptyState(icon="calendar-blank-outline", title=strings("week.nothing_locked"))
        return EmptyState(
            icon="calendar-plus", title=strings("week.nothing"), hint=strings("week.nothing_hint")
        )

    def _card(self, row: Row) -> CardRow:
        strings, line = self._frame.strings, row.entry
        notes = {Sync.SYNCED: "", Sync.WAITING: "entry.waiting", Sync.FAILED: "entry.failed"}
        failed = line.sync is Sync.FAILED
        place = CardRow(uncovers=strings("delete"))
        card = place.card
        card.title, card.subtitle = row.title, row.subtitle
        card.hours = format_duration(line.draft.minutes)
        card.note = strings(notes[line.sync]) if notes[line.sync] else ""
        card.note_icon = "alert-circle-outline" if failed else "cloud-upload-outline"
        card.failed = failed
        card.bind(on_release=lambda *_: self._open(row))
        if line.lock is None and not failed:
            card.swiped = lambda: self.model.delete(line.id)
            card.held = lambda: self._duplicate(line.id)
        return place

    def _open(self, row: Row) -> None:
        if row.entry.sync is Sync.FAILED:
            self._frame.open_problems()
        else:
            self._frame.edit_entry(row.entry.id)

    def _duplicate(self, entry_id: str) -> None:
        def copy(day: date) -> None:
            self.model.duplicate(entry_id, day)

        strings = self._frame.strings
        self._frame.show(DaySheet(strings, self.model.day, copy, title=strings("week.duplicate")))

    def add(self) -> None:
        self._frame.new_entry(self.model.day)

    def open_menu(self) -> None:
        strings, model = self._frame.strings, self.model
        choices = [
            Choice("calendar-today", strings("week.go_today"), model.go_to_today),
            Choice("sync", strings("week.refresh"), model.synchronise),
        ]
        if model.can_copy:
            choices.insert(0, Choice("content-copy", strings("week.copy"), model.copy_last_week))
        self._frame.show(Menu(choices, self.ids.menu))

    def _take_step(self) -> None:
        strings, model = self._frame.strings, self.model
        if model.can_withdraw:
            model.withdraw()
            return
        empty, missing = model.doubts
        doubts = [strings("week.sure_days", count=empty)] if empty else []
        if missing:
            doubts.append(strings("week.sure_minutes", missing=format_duration(missing)))
        if not doubts:
            model.submit()
            return
        self._frame.show(
            Dialog(
                strings("week.sure"),
                " ".join(doubts),
                strings("week.submit"),
                strings("cancel"),
                model.submit,
            )
        )

    def _choose(self, bar: DayBar) -> None:
        self.model.choose(self.model.view.days[self.bars.index(bar)].date)

    def _lay_out(self, _frame: ScreenFrame, split: bool) -> None:
        self.split = split
        self.render()

    def on_touch_down(self, touch):
        self._swiping = None if self._on_a_card(touch.pos) else touch.pos
        return super().on_touch_down(touch)

    def _on_a_card(self, place: tuple[float, float]) -> bool:
        """Swiping one of these is about the entry, not the week."""
        spot = self.ids.list.to_widget(*self.parent.to_window(*place))
        rows = [each for each in self.ids.list.children if isinstance(each, CardRow)]
        return any(row.collide_point(*spot) for row in rows)

    def on_touch_up(self, touch):
        begun, self._swiping = self._swiping, None
        across = touch.x - begun[0] if begun is not None else 0
        if begun is not None and abs(across) > max(dp(SWIPE), abs(touch.y - begun[1])):
            self.model.shift(-1 if across > 0 else 1)
            for bar in self.bars:
                touch.ungrab(bar)
                bar.state = "normal"
            return True
        return super().on_touch_up(touch)


class DayHead(MDBoxLayout):
    text = StringProperty()
    hours = StringProperty()


class SyncIndicator(MDIcon):
    """Turns while the app is talking with the server, and is not there otherwise."""

    busy = BooleanProperty(False)
    turned = NumericProperty(0)

    def on_busy(self, *_arguments: object) -> None:
        Animation.cancel_all(self)
        if self.busy:
            self.turned = 0
            turn = Animation(turned=-360, duration=1) + Animation(turned=0, duration=0)
            turn.repeat = True
            turn.start(self)


class Hint(Panel):
    text = StringProperty()


load_kv(__file__)
