"""The home screen."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from kivy.metrics import dp
from kivy.properties import BooleanProperty, NumericProperty, ObjectProperty, StringProperty
from kivymd.uix.boxlayout import MDBoxLayout
from kivymd.uix.relativelayout import MDRelativeLayout

from mobile.core.durations import format_duration
from mobile.core.rules import State
from mobile.core.timesheet import Sync, WeekView
from mobile.ui.calendar import DaySheet
from mobile.ui.dialog import Choice, Dialog, Menu
from mobile.ui.parts import Action, Empty, Panel, Tap, load_kv
from mobile.ui.skeleton import Skeleton
from mobile.viewmodels.week import Row, WeekModel

if TYPE_CHECKING:
    from mobile.ui.shell import Shell

ICONS = {
    State.OPEN: "circle-outline",
    State.SUBMITTED: "send-check",
    State.APPROVED: "check-decagram",
}
SWIPE = 80


class DayBar(Tap):
    letter = StringProperty()
    hours = StringProperty()
    share = NumericProperty(0)
    chosen = BooleanProperty(False)
    today = BooleanProperty(False)


class EntryCard(Tap):
    """Swiped to the left it is deleted, pressed for long it is copied to another day."""

    title = StringProperty()
    subtitle = StringProperty()
    hours = StringProperty()
    note = StringProperty()
    note_icon = StringProperty("cloud-upload-outline")
    failed = BooleanProperty(False)
    offset = NumericProperty(0)
    on_swiped = ObjectProperty(None, allownone=True)
    on_held = ObjectProperty(None, allownone=True)

    def on_touch_up(self, touch):
        mine = touch.grab_current is self
        if mine and self.on_swiped and touch.ox - touch.x > dp(SWIPE):
            touch.ungrab(self)
            self.state = "normal"
            self.on_swiped()
            return True
        if mine and self.on_held and touch.time_end - touch.time_start > 0.6:
            touch.ungrab(self)
            self.state = "normal"
            self.on_held()
            return True
        return super().on_touch_up(touch)


class WeekScreen(MDRelativeLayout):
    split = BooleanProperty(False)
    model: WeekModel = ObjectProperty()

    def __init__(self, model: WeekModel, shell: Shell, **options: object) -> None:
        super().__init__(model=model, **options)
        self._shell = shell
        self._swiping = None
        self.bars = [DayBar(on_release=self._choose) for _ in range(7)]
        for bar in self.bars:
            self.ids.days.add_widget(bar)
        self.step = Action(on_release=lambda *_: self._take_step())
        shell.bind(split=self._lay_out)
        self._unwatch = model.watch(self.render)
        self._lay_out(shell, shell.split)

    def leave(self) -> None:
        self._shell.unbind(split=self._lay_out)
        self._unwatch()

    def render(self) -> None:
        model, view, words = self.model, self.model.view, self._shell.words
        self.ids.title.text = words.week(view.week)
        self._render_days(view)
        done, target = format_duration(view.total_minutes), format_duration(view.target_minutes)
        self.ids.total.text = words("of", done=done, target=target)
        self.ids.meter.share = view.total_minutes / view.target_minutes
        self.ids.state.text = self._state_text(view)
        rejected = view.reason is not None
        self.ids.state_icon.icon = "alert-circle-outline" if rejected else ICONS[view.state]
        lock = view.lock
        self.ids.lock.text = words(f"lock.{lock.reason}") if lock is not None else ""
        self._render_step()
        self._render_list()
        self.ids.add.opacity = 1 if model.can_add else 0
        self.ids.add.disabled = not model.can_add

    def _state_text(self, view: WeekView) -> str:
        words = self._shell.words
        if view.reason is not None:
            return words("state.rejected_because", reason=view.reason)
        text = words(f"state.{view.state}")
        return words("state.to_be_sent", state=text) if view.waiting else text

    def _render_days(self, view: WeekView) -> None:
        words = self._shell.words
        a_day = max(1, view.target_minutes // 5)
        for bar, day in zip(self.bars, view.days, strict=True):
            bar.letter = f"{words.weekday_letter(day.date)} {day.date.day}"
            bar.hours = format_duration(day.minutes) if day.minutes else "\u2013"
            bar.share = day.minutes / a_day
            bar.chosen = day.date == self.model.day
            bar.today = day.date == self.model.today

    def _render_step(self) -> None:
        model, words = self.model, self._shell.words
        for place in (self.ids.wide_step, self.ids.narrow_step):
            place.clear_widgets()
            place.padding = 0
        if not (model.can_submit or model.can_withdraw):
            return
        place = self.ids.wide_step if self.split else self.ids.narrow_step
        place.padding = dp(16), dp(8)
        self.step.size_hint_x = 1
        self.step.text = words("week.submit" if model.can_submit else "week.withdraw")
        self.step.kind = "filled" if model.can_submit and model.met else "outlined"
        place.add_widget(self.step)

    def _render_list(self) -> None:
        model, words, place = self.model, self._shell.words, self.ids.list
        place.clear_widgets()
        day = model.view.days[model.day.weekday()]
        hours = format_duration(day.minutes) if day.minutes else ""
        place.add_widget(DayHead(text=words.day(day.date), hours=hours))
        if model.loading:
            for _ in range(3):
                place.add_widget(Skeleton())
            return
        for row in model.rows(day.date):
            place.add_widget(self._card(row))
        if not day.lines:
            place.add_widget(self._empty(model.view.known))
        elif model.can_add:
            place.add_widget(Hint(text=words("week.nothing_more")))

    def _empty(self, known: bool) -> Empty:
        words = self._shell.words
        if not known and self._shell.offline:
            return Empty(icon="cloud-off-outline", title=words("week.unknown"))
        if not self.model.can_add:
            return Empty(icon="calendar-blank-outline", title=words("week.nothing_locked"))
        return Empty(
            icon="calendar-plus", title=words("week.nothing"), hint=words("week.nothing_hint")
        )

    def _card(self, row: Row) -> EntryCard:
        words, line = self._shell.words, row.line
        notes = {Sync.SYNCED: "", Sync.WAITING: "entry.waiting", Sync.FAILED: "entry.failed"}
        failed = line.sync is Sync.FAILED
        card = EntryCard(
            title=row.title,
            subtitle=row.subtitle,
            hours=format_duration(line.draft.minutes),
            note=words(notes[line.sync]) if notes[line.sync] else "",
            note_icon="alert-circle-outline" if failed else "cloud-upload-outline",
            failed=failed,
        )
        card.bind(on_release=lambda *_: self._open(row))
        if line.lock is None and not failed:
            card.on_swiped = lambda: self.model.delete(line.id)
            card.on_held = lambda: self._duplicate(line.id)
        return card

    def _open(self, row: Row) -> None:
        if row.line.sync is Sync.FAILED:
            self._shell.open_problems()
        else:
            self._shell.edit_entry(row.line.id)

    def _duplicate(self, entry_id: str) -> None:
        def copy(day: date) -> None:
            self.model.duplicate(entry_id, day)

        self._shell.show(DaySheet(self._shell.words, self.model.day, copy))

    def add(self) -> None:
        self._shell.new_entry(self.model.day)

    def open_menu(self) -> None:
        words, model = self._shell.words, self.model
        choices = [
            Choice("calendar-today", words("week.go_today"), model.go_to_today),
            Choice("sync", words("week.refresh"), model.synchronise),
        ]
        if model.can_write and model.view.lock is None:
            choices.insert(0, Choice("content-copy", words("week.copy"), model.copy_last_week))
        self._shell.show(Menu(choices, self.ids.menu))

    def _take_step(self) -> None:
        words, model = self._shell.words, self.model
        if model.can_withdraw:
            model.withdraw()
            return
        empty, missing = model.doubts
        doubts = [words("week.sure_days", count=empty)] if empty else []
        if missing:
            doubts.append(words("week.sure_minutes", missing=format_duration(missing)))
        if not doubts:
            model.submit()
            return
        self._shell.show(
            Dialog(
                words("week.sure"),
                " ".join(doubts),
                words("week.submit"),
                words("cancel"),
                model.submit,
            )
        )

    def _choose(self, bar: DayBar) -> None:
        self.model.choose(self.model.view.days[self.bars.index(bar)].date)

    def _lay_out(self, _shell: Shell, split: bool) -> None:
        self.split = split
        self.render()

    def on_touch_down(self, touch):
        self._swiping = touch.pos if self.ids.summary.collide_point(*touch.pos) else None
        return super().on_touch_down(touch)

    def on_touch_up(self, touch):
        begun, self._swiping = self._swiping, None
        if begun is not None and abs(touch.x - begun[0]) > dp(SWIPE):
            self.model.step(-1 if touch.x > begun[0] else 1)
            for bar in self.bars:
                touch.ungrab(bar)
                bar.state = "normal"
            return True
        return super().on_touch_up(touch)


class DayHead(MDBoxLayout):
    text = StringProperty()
    hours = StringProperty()


class Hint(Panel):
    text = StringProperty()


load_kv(__file__)
