"""The frame around every screen; it implements the protocols of `frame`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from kivy.clock import Clock
from kivy.core.window import Window
from kivy.metrics import dp
from kivy.properties import BooleanProperty, ListProperty, NumericProperty
from kivy.uix.floatlayout import FloatLayout
from kivy.uix.widget import Widget
from kivymd.theming import ThemableBehavior

from mobile.core.drafts import SavedDraft
from mobile.core.wire import Project
from mobile.text import Strings
from mobile.ui.absence import AbsenceSheet
from mobile.ui.actions import EntryActions
from mobile.ui.approvals import ApprovalsScreen
from mobile.ui.bars import render_bars, render_timer
from mobile.ui.dialog import Dialog
from mobile.ui.entry import EntrySheet
from mobile.ui.focus import FocusRing
from mobile.ui.frame import DevicePreferences
from mobile.ui.layout import RAIL, RAIL_WIDTH, SPLIT_WIDTH, load_kv
from mobile.ui.navigation import Navigation
from mobile.ui.screens import Page, make_screen
from mobile.ui.signin import SignInScreen
from mobile.ui.snackbar import Snackbar, SnackbarHost
from mobile.viewmodels.app import AppModel
from mobile.viewmodels.base import SnackbarMessage
from mobile.viewmodels.entry_form import EntryDefaults, EntryForm
from mobile.viewmodels.profile import Appearance
from mobile.viewmodels.stages import Models, Stage, Tab

BACK_KEYS = (27, 1001)


class Shell(ThemableBehavior, FloatLayout):
    """The frame of all screens: navigation, bars, overlays, snackbar."""

    rail = BooleanProperty(False)
    split = BooleanProperty(False)
    lift = NumericProperty(0)
    # The area covered by the system's bars: left, top, right, bottom.
    insets = ListProperty([0, 0, 0, 0])

    def __init__(
        self,
        model: AppModel,
        strings: Strings,
        today: Callable[[], date],
        preferences: DevicePreferences,
        back_to: str,
    ) -> None:
        super().__init__()
        self.model = model
        self.strings = strings
        self.appearance = Appearance.SYSTEM
        self._today = today
        self._preferences = preferences
        self._back_to = back_to
        # The data the screen was built for: it is built again for other data.
        self._shown: tuple[object, ...] = ()
        self.tab = Tab.WEEK
        self.screen: Widget | None = None
        self._page: Page | None = None
        self._navigation = Navigation(self.ids.bar, self.ids.rail, strings, self.go)
        self.snackbar = SnackbarHost(
            self.ids.overlays, strings, self._foot, lambda lift: setattr(self, "lift", lift)
        )
        self.focus = FocusRing(
            self._top_layer, lambda: self.theme_cls.primaryColor, self._new_today
        )
        self.bind(width=self._lay_out)
        self._render_on_look = lambda *_arguments: self.render()
        self.theme_cls.bind(theme_style=self._render_on_look)
        model.on_message = self.notify
        self._unwatch = model.watch(self.render)
        self._tick = Clock.schedule_interval(lambda _dt: self._render_timer(), 1)
        self._day_tick = Clock.schedule_interval(lambda _dt: model.tick(), 20)
        Window.bind(on_keyboard=self._on_key)
        self.render()

    def leave(self) -> None:
        self._unwatch()
        self.theme_cls.unbind(theme_style=self._render_on_look)
        self._tick.cancel()
        self.focus.leave()
        self._day_tick.cancel()
        Window.unbind(on_keyboard=self._on_key)
        if self.screen is not None:
            self.screen.leave()

    @property
    def today(self) -> date:
        return self._today()

    @property
    def dark(self) -> bool:
        return bool(self.theme_cls.theme_style == "Dark")

    @property
    def busy(self) -> bool:
        return self.model.sync_state.busy

    @property
    def offline(self) -> bool:
        return self.model.offline

    @property
    def picture(self) -> str | None:
        return self.model.picture

    @property
    def models(self) -> Models:
        if self.model.models is None:
            raise RuntimeError("nobody is signed in")
        return self.model.models

    def go(self, tab: Tab) -> None:
        self.tab, self._page = tab, None
        self.render()

    def show_as(self, before: Shell) -> None:
        """Show the tab and the page that another shell showed."""
        self.tab, self._page = before.tab, before._page
        self.render()

    def _top_layer(self) -> Widget:
        overlays = [each for each in self.ids.overlays.children if not isinstance(each, Snackbar)]
        return overlays[0] if overlays else self

    def _new_today(self) -> None:
        if self._main and self._top_layer() is self:
            self.new_entry(self.models.week.day)

    def open_problems(self) -> None:
        self._open_page(Page.PROBLEMS)

    def open_months(self) -> None:
        self._open_page(Page.MONTHS)

    def _open_page(self, page: Page | None) -> None:
        self._page = page
        self.render()

    def open_problem_bar(self) -> None:
        """Open what the bar is about: signing in again, or the problems."""
        if self.model.sync_state.step_up is not None:
            self.model.step_up()
        else:
            self.open_problems()

    def close_page(self) -> None:
        self._open_page(None)

    def new_absence(self) -> None:
        self.show(AbsenceSheet(self.models.absences.form(), self))

    def open_absence(self, absence_id: str) -> None:
        self.show(AbsenceSheet(self.models.absences.form(absence_id), self))

    def new_entry(self, day: date) -> None:
        workspace = self.model.workspace
        if workspace is not None:
            self.show_form(EntryForm(workspace, self.model.clock, EntryDefaults(day), self._saved))

    def edit_entry(self, entry_id: str) -> None:
        workspace = self.model.workspace
        if workspace is not None:
            form = EntryForm.of_entry(workspace, self.model.clock, entry_id, self._saved)
            if form is not None:
                self.show_form(form)

    def show_form(self, form: EntryForm) -> None:
        actions = EntryActions(self.models.week, self.models.timer, self)
        self.show(EntrySheet(form, self, actions))

    def open_draft(self, draft: SavedDraft) -> None:
        workspace = self.model.workspace
        if workspace is not None:
            self.show_form(EntryForm.of_draft(workspace, self.model.clock, draft, self._saved))

    def stop_timer(self) -> None:
        """Offer the timer's time as an entry; saving it stops the timer."""
        if self.models.timer.running:
            self.show_form(self.models.timer.stop(self._saved))

    def refresh_week(self) -> None:
        if self.model.models is not None:
            self.models.week.refresh()

    def show(self, overlay: Widget) -> None:
        self.ids.overlays.add_widget(overlay)

    def notify_key(self, key: str) -> None:
        self.notify(SnackbarMessage(key))

    def find_projects(self, typed: str) -> list[Project]:
        return self.models.timer.find(typed)

    def notify(self, message: SnackbarMessage) -> None:
        self.snackbar.show(message)

    @property
    def content_width(self) -> float:
        return self.width - (dp(RAIL) if self.rail else 0)

    def make_refreshable(self, list_: Widget) -> None:
        list_.refresh_callback = self.synchronise
        list_.bind(pulled=lambda _list, share: setattr(self.ids.pulled, "share", share))

    def synchronise(self) -> None:
        self.model.synchronise()

    def set_appearance(self, appearance: Appearance) -> None:
        self.appearance = appearance
        self._preferences.set_appearance(appearance)

    def set_language(self, language: str) -> None:
        self._preferences.set_language(language)

    @property
    def notifications(self) -> bool:
        return self._preferences.notifications

    def set_notifications(self, on: bool) -> None:
        self._preferences.set_notifications(on)

    def sign_out(self) -> None:
        strings, (waiting, problems) = self.strings, self.model.counts
        lost = waiting + problems
        text = strings("sign_out.lost" if lost else "sign_out.wiped", count=lost)
        if self.models.timer.running:
            text = f"{text} {strings('sign_out.timer')}"
        self.show(
            Dialog(
                strings("sign_out.sure"),
                text,
                strings("sign_out"),
                strings("cancel"),
                lambda: self.model.sign_out(self._back_to),
            )
        )

    def _foot(self) -> float:
        bars = self.ids.bar.height + self.ids.timer.height
        return bars + getattr(self.screen, "foot_height", 0)

    def _saved(self, day: date) -> None:
        self.models.week.show_day(day)
        self.models.grid.refresh()

    @property
    def _main(self) -> bool:
        return self.model.stage is Stage.MAIN and self.model.models is not None

    def render(self) -> None:
        if self._main and self.tab not in self.model.tabs:
            self.tab = Tab.WEEK
        self._render_screen()
        tabs = self.model.tabs if self._main else ()
        self._navigation.render(tabs, self.tab, self.model.badges, rail=self.rail)
        on_problems = self._page is Page.PROBLEMS
        render_bars(self.ids, self.model, self.strings, main=self._main, on_problems=on_problems)
        self._render_timer()

    def _render_screen(self) -> None:
        model = self.model
        # Projects have other colours in the dark. The profile, which chooses the look, shows none.
        dark = self.dark and self.tab is not Tab.PROFILE
        state = (self.tab, self._page, model.models, dark) if self._main else ()
        before, self._shown = self._shown, (model.stage, model.failure, *state)
        if self._shown == before:
            return
        Window.release_all_keyboards()
        if self.screen is not None:
            self.screen.leave()
        if not self._main:
            self.ids.overlays.clear_widgets()
        self.screen = make_screen(self, self.tab, self._page) if self._main else SignInScreen(self)
        self.ids.place.clear_widgets()
        self.ids.place.add_widget(self.screen)

    def _render_timer(self) -> None:
        seen = self.tab is Tab.TIMER and self._page is None
        timer = self.models.timer if self._main and not seen else None
        render_timer(self.ids.timer, timer, self.strings)

    def _lay_out(self, *_arguments: object) -> None:
        rail, split = self.width >= dp(RAIL_WIDTH), self.width >= dp(SPLIT_WIDTH)
        if (rail, split) != (self.rail, self.split):
            self.rail, self.split = rail, split
            self.render()

    def _on_key(self, _window: object, key: int, *_rest: object) -> bool:
        """Back: the uppermost overlay closes, then the screen, then the tab."""
        if key not in BACK_KEYS:
            return False
        for overlay in self.ids.overlays.children:
            if not isinstance(overlay, Snackbar):
                overlay.close()
                return True
        if self._page is not None:
            self._open_page(None)
            return True
        if isinstance(self.screen, ApprovalsScreen) and self.screen.back():
            return True
        if self.tab is not Tab.WEEK:
            self.go(Tab.WEEK)
            return True
        return False


load_kv(__file__)
