"""The home screen: a week, as a list of the chosen day or as a grid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kivy.animation import Animation
from kivy.metrics import dp
from kivy.properties import BooleanProperty, NumericProperty, ObjectProperty
from kivymd.uix.label import MDIcon
from kivymd.uix.relativelayout import MDRelativeLayout

from mobile.core.durations import format_duration
from mobile.core.rules import ApprovalState
from mobile.core.views import WeekView
from mobile.ui.actions import EntryActions
from mobile.ui.buttons import PushButton
from mobile.ui.daybar import DayBar, fill_bars
from mobile.ui.daylist import DayList
from mobile.ui.dialog import Choice, Dialog, Menu
from mobile.ui.grid import WeekGrid
from mobile.ui.layout import load_kv
from mobile.ui.status import LockLine
from mobile.viewmodels.notices import NoticeKind
from mobile.viewmodels.timer import TimerModel
from mobile.viewmodels.week import WeekModel

if TYPE_CHECKING:
    from mobile.ui.frame import ScreenFrame

SWIPE = 80


class WeekScreen(MDRelativeLayout):
    """The home screen: the week's figures and the chosen day, or the grid."""

    wide = BooleanProperty(False)
    split = BooleanProperty(False)
    known = BooleanProperty(True)
    # A snackbar at the foot pushes the button up.
    lift = NumericProperty(0)
    # The room that the day's list needs below the week's figures.
    least = NumericProperty(0)
    model: WeekModel = ObjectProperty()

    def __init__(
        self, model: WeekModel, timer: TimerModel, frame: ScreenFrame, **options: object
    ) -> None:
        super().__init__(model=model, **options)
        self._frame = frame
        self.actions = EntryActions(model, timer, frame)
        self._swiping = None
        self.bars = [DayBar(on_release=self._choose) for _ in range(7)]
        for bar in self.bars:
            self.ids.days.add_widget(bar)
        self.step = PushButton(on_release=lambda *_: self._take_step())
        self.list = DayList(self, frame)
        self.ids.list_place.add_widget(self.list)
        self.list.bind(least=self._make_room)
        self.ids.columns.bind(height=self._make_room)
        self.grid = WeekGrid(frame.models.grid, model, frame)
        frame.bind(rail=self._lay_out, split=self._lay_out, lift=self.setter("lift"))
        # The width decides on the texts that fit beside each other.
        self.list.bind(width=lambda *_: self.render())
        self._unwatch = model.watch(self.render)
        self._lay_out()

    @property
    def foot_height(self) -> float:
        """The height that a snackbar leaves free."""
        return self.ids.narrow_step.height

    def leave(self) -> None:
        """Stop watching; the screen goes."""
        self._frame.unbind(rail=self._lay_out, split=self._lay_out, lift=self.setter("lift"))
        self._unwatch()
        self.grid.leave()

    def render(self) -> None:
        """Show the model as it is now."""
        model, view, strings = self.model, self.model.view, self._frame.strings
        span, number = strings.week_parts(view.week, model.today)
        self.ids.span.text, self.ids.number.text = span, number
        fill_bars(
            self.bars,
            view,
            strings,
            chosen=model.day,
            today=model.today,
            dark=self._frame.dark,
        )
        done = format_duration(view.total_minutes)
        target = view.target_minutes
        if target:
            done = strings("of", done=done, target=format_duration(target))
        self.ids.total.text = done
        self.ids.meter.share = view.total_minutes / target if target else 0
        state = ApprovalState.REJECTED if view.reason is not None else view.state
        self.known = view.known or view.total_minutes > 0
        self.ids.state.show(state, self._state_text(view))
        self._render_lock(view)
        self._render_notices()
        self.ids.sync.busy = self._frame.busy
        self._render_step()
        self.list.render()
        self.ids.add.opacity = 1 if model.can_add else 0
        self.ids.add.disabled = not model.can_add

    def _make_room(self, *_arguments: object) -> None:
        """The list has what it needs, and at most half of the screen if that is too much."""
        needed = self.list.least + (self.ids.grid_place.height if self.wide else 0)
        self.least = min(needed, self.ids.columns.height / 2)

    def _render_lock(self, view: WeekView) -> None:
        place = self.ids.lock_place
        place.clear_widgets()
        if view.lock is not None:
            strings, reason = self._frame.strings, view.lock.reason
            # The state stands above it already.
            key = f"week.locked_{reason}"
            text = strings(key if strings.known(key) else f"lock.{reason}")
            place.add_widget(LockLine(text=text))

    def _render_notices(self) -> None:
        """The oldest earlier week that needs attention, unless it is on the screen."""
        strings = self._frame.strings
        notices = [each for each in self.model.notices if each.week != self.model.week]
        bar = self.ids.notice
        if not notices:
            bar.text = bar.below = ""
            return
        first = notices[0]
        rejected = first.kind is NoticeKind.REJECTED
        key = "notice.rejected_short" if rejected else f"notice.{first.kind}"
        text = strings(key, number=first.week.number)
        if len(notices) > 1:
            text += f" · {strings('notice.more', count=len(notices) - 1)}"
        bar.text, bar.wrong = text, rejected
        bar.below = first.reason if rejected else ""
        bar.icon = "alert-circle-outline" if rejected else "calendar-alert"
        bar.action = strings("sync.review")

    def review(self) -> None:
        """Go to the earlier week that needs something."""
        notices = [each for each in self.model.notices if each.week != self.model.week]
        if notices:
            self.model.show(notices[0].week)

    def _state_text(self, view: WeekView) -> str:
        strings = self._frame.strings
        if view.reason is not None:
            return strings("state.rejected_because", reason=view.reason)
        text = strings(f"state.{view.state}")
        return strings("state.to_be_sent", state=text) if view.waiting else text

    def _render_step(self) -> None:
        model, strings = self.model, self._frame.strings
        for place in (self.ids.wide_step, self.ids.narrow_step):
            place.clear_widgets()
            place.padding = 0
        if not self.known or not (model.can_submit or model.can_withdraw):
            return
        place = self.ids.wide_step if self.wide else self.ids.narrow_step
        place.padding = (0, 0) if self.wide else (dp(16), dp(8))
        self.step.size_hint_x = None if self.wide else 1
        self.step.text = strings("week.submit" if model.can_submit else "week.withdraw")
        self.step.kind = "filled" if model.can_submit and model.met else "outlined"
        place.add_widget(self.step)

    def add(self) -> None:
        """Open a form for a new entry of the chosen day."""
        self._frame.new_entry(self.model.day)

    def open_menu(self) -> None:
        """Open the menu of the week."""
        strings, model, frame = self._frame.strings, self.model, self._frame
        choices = [
            Choice("calendar-today", strings("week.go_today"), model.go_to_today),
            Choice("calendar-month", strings("week.my_months"), frame.open_months),
            Choice("sync", strings("week.refresh"), model.synchronise),
        ]
        if model.can_write:
            choices.insert(0, Choice("palm-tree", strings("week.add_absence"), frame.new_absence))
        if model.can_copy:
            choices.insert(0, Choice("content-copy", strings("week.copy"), model.copy_last_week))
        frame.show(Menu(choices, self.ids.menu))

    def _take_step(self) -> None:
        strings, model = self._frame.strings, self.model
        if model.can_withdraw:
            model.withdraw()
            return
        empty, missing = model.view.doubts
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

    def _lay_out(self, *_arguments: object) -> None:
        """A grid from 600 dp on, with the day's list beside it from 840 dp on."""
        self.wide, self.split = self._frame.rail, self._frame.split
        place = self.ids.grid_place
        place.clear_widgets()
        if self.wide:
            place.add_widget(self.grid)
        self.render()

    def on_touch_down(self, touch):
        outside = self.wide or self._on_a_card(touch.pos)
        self._swiping = None if outside else touch.pos
        return super().on_touch_down(touch)

    def _on_a_card(self, place: tuple[float, float]) -> bool:
        """Swiping a card is about the entry, not the week."""
        window = self.parent.to_window(*place)
        rows = [each for each in self.list.cards() if each.parent is not None]
        return any(row.collide_point(*row.parent.to_widget(*window)) for row in rows)

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


class SyncIndicator(MDIcon):
    """Turns while the app talks to the server; otherwise its place stays empty."""

    busy = BooleanProperty(False)
    turned = NumericProperty(0)

    def on_busy(self, *_arguments: object) -> None:
        Animation.cancel_all(self)
        if self.busy:
            self.turned = 0
            turn = Animation(turned=-360, duration=1) + Animation(turned=0, duration=0)
            turn.repeat = True
            turn.start(self)


load_kv(__file__)
