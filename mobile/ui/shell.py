"""What is around every screen: navigation, the bars that tell of the network and the timer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from kivy.clock import Clock
from kivy.core.window import Window
from kivy.metrics import dp
from kivy.properties import BooleanProperty, NumericProperty, StringProperty
from kivy.uix.floatlayout import FloatLayout
from kivy.uix.widget import Widget
from kivymd.theming import ThemableBehavior

from mobile.text import Words
from mobile.ui.approvals import ApprovalsScreen
from mobile.ui.dialog import Dialog
from mobile.ui.entry import EntrySheet
from mobile.ui.parts import RAIL_WIDTH, SPLIT_WIDTH, Tap, load_kv
from mobile.ui.problems import ProblemsScreen
from mobile.ui.profile import ProfileScreen
from mobile.ui.signin import SignInScreen
from mobile.ui.timer import TimerScreen, clock_text
from mobile.ui.week import WeekScreen
from mobile.viewmodels.app import AppModel, Models, Stage, Tab
from mobile.viewmodels.base import Snack
from mobile.viewmodels.entry_form import EntryForm, Start
from mobile.viewmodels.profile import Appearance

TAB_ICONS = {
    Tab.WEEK: ("calendar-week-outline", "calendar-week"),
    Tab.TIMER: ("timer-outline", "timer"),
    Tab.APPROVALS: ("account-check-outline", "account-check"),
    Tab.PROFILE: ("account-circle-outline", "account-circle"),
}
BACK_KEYS = (27, 1001)
RAIL = 88


class NavItem(Tap):
    icon = StringProperty()
    text = StringProperty()
    badge = NumericProperty(0)
    active = BooleanProperty(False)


class SnackBar(ThemableBehavior, FloatLayout):
    # Where what is at the foot of the screen ends: none of it is covered.
    foot = NumericProperty(0)
    text = StringProperty()
    undo = StringProperty()


class Shell(ThemableBehavior, FloatLayout):
    rail = BooleanProperty(False)
    split = BooleanProperty(False)
    lift = NumericProperty(0)

    def __init__(
        self,
        model: AppModel,
        words: Words,
        today: Callable[[], date],
        on_look: Callable[[Appearance], None],
        on_speak: Callable[[str], None],
        back_to: str,
    ) -> None:
        super().__init__()
        self.model = model
        self.words = words
        self.appearance = Appearance.SYSTEM
        self._today = today
        self._on_look = on_look
        self._on_speak = on_speak
        self._back_to = back_to
        # What the screen and the navigation were made for: they are made anew for something else.
        self._shown: tuple[object, ...] = ()
        self._navigation: tuple[object, ...] = ()
        self._items: dict[Tab, NavItem] = {}
        self.tab = Tab.WEEK
        self.screen: Widget | None = None
        self._snack: SnackBar | None = None
        self._problems = False
        self.bind(width=self._lay_out)
        model.on_snack = self.tell
        self._unwatch = model.watch(self.render)
        self._timer_watch: Callable[[], None] = lambda: None
        self._tick = Clock.schedule_interval(lambda _dt: self._render_timer(), 1)
        Window.bind(on_keyboard=self._on_key)
        self.render()

    def leave(self) -> None:
        self._unwatch()
        self._tick.cancel()
        Window.unbind(on_keyboard=self._on_key)
        if self.screen is not None:
            self.screen.leave()

    @property
    def today(self) -> date:
        return self._today()

    @property
    def busy(self) -> bool:
        return self.model.busy

    @property
    def offline(self) -> bool:
        return self.model.offline

    @property
    def models(self) -> Models:
        if self.model.models is None:
            raise RuntimeError("nobody is signed in")
        return self.model.models

    def go(self, tab: Tab) -> None:
        self.tab, self._problems = tab, False
        self.render()

    def open_problems(self) -> None:
        self._problems = True
        self.render()

    def leave_problems(self) -> None:
        self._problems = False
        self.render()

    def new_entry(self, day: date) -> None:
        workspace = self.model.workspace
        if workspace is not None:
            self.show_form(EntryForm(workspace, self.model.clock, Start(day), self._saved))

    def edit_entry(self, entry_id: str) -> None:
        workspace = self.model.workspace
        if workspace is not None:
            form = EntryForm.of_entry(workspace, self.model.clock, entry_id, self._saved)
            if form is not None:
                self.show_form(form)

    def show_form(self, form: EntryForm) -> None:
        self.show(EntrySheet(form, self, self.models.week.delete))

    def show(self, overlay: Widget) -> None:
        self.ids.overlays.add_widget(overlay)

    @property
    def place_width(self) -> float:
        return self.width - (dp(RAIL) if self.rail else 0)

    def pull(self, list_: Widget) -> None:
        """Whoever pulls the list down asks for news."""
        list_.ask = self.synchronise
        list_.bind(pulled=lambda _list, share: setattr(self.ids.pulled, "share", share))

    def synchronise(self) -> None:
        self.model.synchronise()

    def look(self, appearance: Appearance) -> None:
        self.appearance = appearance
        self._on_look(appearance)

    def speak(self, language: str) -> None:
        self._on_speak(language)

    def sign_out(self) -> None:
        words, (waiting, problems) = self.words, self.model.counts
        lost = waiting + problems
        text = words("sign_out.lost", count=lost) if lost else words("sign_out.wiped")
        self.show(
            Dialog(
                words("sign_out.sure"),
                text,
                words("sign_out"),
                words("cancel"),
                lambda: self.model.sign_out(self._back_to),
            )
        )

    def tell(self, snack: Snack) -> None:
        self._close_snack()
        days = {
            name: self.words.day(day)
            for name, day in snack.arguments.items()
            if isinstance(day, date)
        }
        text = self.words(snack.key, **snack.arguments | days)
        bar = SnackBar(text=text, undo=self.words("undo") if snack.undo else "")
        bar.ids.undo.bind(on_release=lambda *_: self._undo(snack))
        bar.foot = self._foot()
        self.lift = bar.height + dp(8)
        self._snack = bar
        self.ids.overlays.add_widget(bar, index=len(self.ids.overlays.children))
        Clock.schedule_once(lambda _dt: self._close_snack(bar), snack.seconds)

    def _undo(self, snack: Snack) -> None:
        self._close_snack()
        if snack.undo is not None:
            snack.undo()

    def _close_snack(self, which: SnackBar | None = None) -> None:
        if self._snack is not None and which in (None, self._snack):
            self.ids.overlays.remove_widget(self._snack)
            self._snack = None
            self.lift = 0

    def _foot(self) -> float:
        bars = self.ids.bar.height + self.ids.timer.height
        return bars + getattr(self.screen, "foot_height", 0)

    def _saved(self, day: date) -> None:
        self.models.week.choose(day)
        if day not in self.models.week.week:
            self.models.week.show(type(self.models.week.week).of(day))
        self.models.week.refresh()

    def render(self) -> None:
        main = self.model.stage is Stage.MAIN and self.model.models is not None
        if main and self.tab not in self.model.tabs:
            self.tab = Tab.WEEK
        self._render_screen(main)
        self._render_navigation(main)
        self._render_bars(main)
        self._render_timer()

    def _render_screen(self, main: bool) -> None:
        wanted = (self.model.stage, self.tab, self._problems, self.model.models, self.model.failure)
        if not main:
            wanted = (self.model.stage, None, None, None, self.model.failure)
        if wanted == self._shown:
            return
        self._shown = wanted
        if self.screen is not None:
            self.screen.leave()
        if not main or self.model.stage is not Stage.MAIN:
            self.ids.overlays.clear_widgets()
        self.screen = self._make_screen() if main else SignInScreen(self)
        self.ids.place.clear_widgets()
        self.ids.place.add_widget(self.screen)

    def _make_screen(self) -> Widget:
        models = self.models
        if self._problems:
            return ProblemsScreen(models.problems, self)
        makers = {
            Tab.WEEK: lambda: WeekScreen(models.week, self),
            Tab.TIMER: lambda: TimerScreen(models.timer, self),
            Tab.APPROVALS: lambda: ApprovalsScreen(models.approvals, self),
            Tab.PROFILE: lambda: ProfileScreen(models.profile, self),
        }
        return makers[self.tab]()

    def _render_navigation(self, main: bool) -> None:
        wanted = (main, self.rail, self.model.tabs)
        if wanted != self._navigation:
            self._navigation = wanted
            self._make_navigation(main)
        for tab, item in self._items.items():
            item.active = tab is self.tab
            item.icon = TAB_ICONS[tab][item.active]
            item.badge = self.model.badge if tab is Tab.APPROVALS else 0

    def _make_navigation(self, main: bool) -> None:
        bar, rail = self.ids.bar, self.ids.rail
        bar.clear_widgets()
        rail.clear_widgets()
        bar.height = dp(80) if main and not self.rail else 0
        rail.width = dp(RAIL) if main and self.rail else 0
        self._items.clear()
        if not main:
            return
        place = rail if self.rail else bar
        for tab in self.model.tabs:
            item = self._items[tab] = NavItem(text=self.words(f"tab.{tab}"))
            item.size_hint_y, item.height = (None, dp(72)) if self.rail else (1, dp(80))
            item.bind(on_release=lambda _item, tab=tab: self.go(tab))
            place.add_widget(item)
        if self.rail:
            place.add_widget(Widget())

    def _render_bars(self, main: bool) -> None:
        words, (waiting, problems) = self.words, self.model.counts
        offline = ""
        if main and self.model.offline:
            key = "sync.offline_waiting" if waiting else "sync.offline"
            offline = words(key, count=waiting)
        elif main and self.model.server_failed:
            offline = words("sync.failed")
        self.ids.offline.text = offline
        troubled = main and problems and not self._problems
        self.ids.trouble.text = words("sync.problems", count=problems) if troubled else ""
        self.ids.trouble.look = words("sync.look")

    def _render_timer(self) -> None:
        models = self.model.models
        main = self.model.stage is Stage.MAIN and models is not None
        seen = self.tab is Tab.TIMER and not self._problems
        running = main and models.timer.running and not seen
        self.ids.timer.height = dp(48) if running else 0
        self.ids.timer.opacity = 1 if running else 0
        self.ids.timer.disabled = not running
        if running and models is not None:
            project = models.timer.chosen
            name = project.name if project is not None else self.words("timer.no_project")
            clock = clock_text(models.timer.seconds)
            self.ids.timer.text = self.words("timer.running", clock=clock, project=name)

    def open_timer(self) -> None:
        self.go(Tab.TIMER)

    def _lay_out(self, *_arguments: object) -> None:
        rail, split = self.width >= dp(RAIL_WIDTH), self.width >= dp(SPLIT_WIDTH)
        if (rail, split) != (self.rail, self.split):
            self.rail, self.split = rail, split
            self.render()

    def _on_key(self, _window: object, key: int, *_rest: object) -> bool:
        """The phone's own way back: the uppermost thing closes."""
        if key not in BACK_KEYS:
            return False
        for overlay in self.ids.overlays.children:
            if overlay is not self._snack:
                overlay.close()
                return True
        if self._problems:
            self.leave_problems()
            return True
        if isinstance(self.screen, ApprovalsScreen) and self.screen.back():
            return True
        if self.tab is not Tab.WEEK:
            self.go(Tab.WEEK)
            return True
        return False


load_kv(__file__)
