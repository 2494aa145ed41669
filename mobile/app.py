"""Puts the app together and runs it: one loop for the screen and the network."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from kivy.base import ExceptionHandler, ExceptionManager, runTouchApp
from kivy.clock import Clock
from kivy.config import Config
from kivy.core.window import Window
from kivy.metrics import Metrics, dp
from kivy.utils import platform
from kivymd.app import MDApp

from mobile.core.clock import Clock as AppClock
from mobile.core.database import StoreFull
from mobile.core.logs import protect_logs
from mobile.core.network import make_client
from mobile.core.session import Session
from mobile.core.settings import AppSettings, SettingsError
from mobile.device import android
from mobile.device.background import send_in_thread
from mobile.device.browser import AndroidBrowser, DesktopBrowser, make_browser
from mobile.device.system import autoclass_of, data_folder, is_dark, system_language
from mobile.device.token_store import make_token_store
from mobile.preferences import Preferences
from mobile.text import Strings
from mobile.ui.lightweight import forget_rows
from mobile.ui.sheet import BottomSheet
from mobile.ui.shell import Shell
from mobile.viewmodels.app import AppModel
from mobile.viewmodels.notifications import due_notifications
from mobile.viewmodels.profile import Appearance

log = logging.getLogger(__name__)

SEED = "Teal"


class TimesheetsApp(MDApp):
    """The app as Kivy runs it: `model` holds its state, and the shell shows it."""

    def __init__(
        self,
        model: AppModel,
        browser: DesktopBrowser | AndroidBrowser,
        preferences: Preferences,
        clock: AppClock,
        on_leaving: Callable[[str | None], object] = lambda _access_token: None,
    ) -> None:
        super().__init__()
        self.on_leaving = on_leaving
        self.model = model
        self._browser = browser
        self._preferences = preferences
        self._clock = clock
        self.shell: Shell | None = None

    def build(self) -> Shell:
        # Modules and rules stay: the collector need not go through them while somebody scrolls.
        gc.freeze()
        # Escape closes what is open, never the app.
        Config.set("kivy", "exit_on_escape", "0")
        self.title = "ExampleCo Timesheets"
        self.theme_cls.theme_style_switch_animation = False
        self.theme_cls.primary_palette = SEED
        # KivyMD's icons grow with the text size of the start, out of buttons that do not.
        self.theme_cls.font_styles["Icon"]["large"]["font-size"] = dp(24)
        self._apply_appearance(self._preferences.appearance)
        self.shell = self._make_shell()
        return self.shell

    def on_start(self) -> None:
        autoclass = autoclass_of(platform)
        if autoclass is not None:
            BottomSheet.keyboard_in_insets = True
            Clock.schedule_interval(lambda _dt: self._apply_insets(autoclass), 0.25)
            # The quick settings change both while the app is on the screen.
            Clock.schedule_interval(lambda _dt: self._follow_system(), 2)
            android.schedule_sending(autoclass)
        Clock.schedule_interval(lambda _dt: self._notify(autoclass), 60)

    def _apply_insets(self, autoclass: Any) -> None:
        """The bars and the keyboard come and go; nothing lies under them."""
        found = android.read_insets(autoclass)
        if self.shell is not None:
            self.shell.insets = [found.left, found.top, found.right, found.bottom]

    def _notify(self, autoclass: Any | None) -> None:
        """Show what is due, if the person has turned notifications on."""
        models, workspace = self.model.models, self.model.workspace
        on = self._preferences.notifications and autoclass is not None
        if not on or models is None or workspace is None or self.shell is None:
            return
        due = due_notifications(workspace, self._clock, models.timer, models.approvals)
        for number, each in enumerate(due):
            text = self.shell.strings(each.key, **each.arguments)
            android.notify(autoclass, number, self.title, text)

    @property
    def notifications(self) -> bool:
        return self._preferences.notifications

    def set_notifications(self, on: bool) -> None:
        """Request the permission when notifications are turned on, not before."""
        self._preferences.notifications = on
        autoclass = autoclass_of(platform)
        if on and autoclass is not None and not android.may_notify(autoclass):
            android.ask_to_notify(autoclass)

    def on_pause(self) -> bool:
        """Send what waits, held or not: the app may never be opened again today."""
        self.model.release_holds()
        self.on_leaving(self.model.access_token)
        return True

    def on_resume(self) -> None:
        self._follow_system()
        self.model.resume()

    def _follow_system(self) -> None:
        """Dark mode and text size as the system has them now."""
        self._apply_appearance(self._preferences.appearance)
        autoclass = autoclass_of(platform)
        if autoclass is not None:
            self.set_text_size(android.read_text_size(autoclass))

    def run_quietly(self) -> None:
        """Built and on the window, with nobody but the caller to move time on."""
        self._run_prepare()
        runTouchApp(embedded=True)

    def _make_shell(self) -> Shell:
        shell = Shell(
            self.model,
            Strings(self._preferences.language),
            self._today,
            self,
            self._browser.back_to,
        )
        shell.appearance = self._preferences.appearance
        return shell

    def _today(self) -> date:
        return self._clock.today()

    def set_appearance(self, appearance: Appearance) -> None:
        self._preferences.appearance = appearance
        if self.shell is not None:
            self.shell.appearance = appearance
        self._apply_appearance(appearance)

    def _apply_appearance(self, appearance: Appearance) -> None:
        if appearance is Appearance.SYSTEM:
            dark = is_dark(platform)
        else:
            dark = appearance is Appearance.DARK
        self.theme_cls.theme_style = "Dark" if dark else "Light"

    def set_language(self, language: str) -> None:
        """Switch the language and draw every screen again."""
        if self.shell is None:
            return
        self._preferences.language = language
        self._draw_again(self.shell)

    def set_text_size(self, scale: float) -> None:
        """Draw every screen again with texts of this scale.

        Not over an open sheet or Undo: what is typed stays, and the next call sets it.
        """
        shell = self.shell
        if shell is None or scale == Metrics.fontscale or shell.ids.overlays.children:
            return
        Metrics.fontscale = scale
        self._draw_again(shell)

    def _draw_again(self, before: Shell) -> None:
        before.leave()
        Window.remove_widget(before)
        forget_rows()
        self.shell = self.root = self._make_shell()
        Window.add_widget(self.shell)
        self.shell.show_as(before)


class UnexpectedErrors(ExceptionHandler):
    """Log and show an exception raised by a tap, instead of ending the app."""

    def __init__(self, app: TimesheetsApp) -> None:
        super().__init__()
        self._app = app

    def handle_exception(self, error: BaseException) -> int:
        if not isinstance(error, Exception):
            return ExceptionManager.RAISE
        if not isinstance(error, StoreFull):
            log.error("unexpected", exc_info=error)
        if self._app.shell is not None:
            key = "sync.full" if isinstance(error, StoreFull) else "error.unexpected"
            self._app.shell.notify_key(key)
        return ExceptionManager.PASS


async def run(folder: Path | None = None) -> None:
    """Until the window is closed."""
    settings, clock = AppSettings.read(os.environ), AppClock()
    place = folder or data_folder(platform)
    protect_logs()
    async with make_client() as http:
        browser = make_browser(platform)
        store = make_token_store(platform, place)
        session = Session(settings, store, http, place / "people", clock)
        model = AppModel(session, browser)
        preferences = Preferences(place / "preferences.json", system_language(platform))
        leave = partial(send_in_thread, settings, store, place / "people")
        app = TimesheetsApp(model, browser, preferences, clock, leave)
        ExceptionManager.add_handler(UnexpectedErrors(app))
        await model.start()
        try:
            await app.async_run(async_lib="asyncio")
        finally:
            await model.stop()


def main() -> None:
    """Run the app until it is closed. Settings that are wrong are reported as text, with exit code
    1."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    try:
        asyncio.run(run())
    except SettingsError as error:
        raise SystemExit(str(error)) from None
    except KeyboardInterrupt:
        log.info("closed from the terminal")  # all is stored, as when the window is closed
