"""Puts the app together and runs it: one loop for the screen and the network."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
from datetime import date
from pathlib import Path

from kivy.base import runTouchApp
from kivy.core.window import Window
from kivy.utils import platform
from kivymd.app import MDApp

from mobile.core.clock import Clock
from mobile.core.logs import protect_logs
from mobile.core.network import make_client
from mobile.core.session import Session
from mobile.core.settings import AppSettings, SettingsError
from mobile.device.browser import AndroidBrowser, DesktopBrowser, make_browser
from mobile.device.token_store import make_token_store
from mobile.preferences import Preferences
from mobile.text import Strings
from mobile.ui.shell import Shell
from mobile.viewmodels.app import AppModel
from mobile.viewmodels.profile import Appearance

log = logging.getLogger(__name__)

SEED = "Teal"


class TimesheetsApp(MDApp):
    def __init__(
        self,
        model: AppModel,
        browser: DesktopBrowser | AndroidBrowser,
        preferences: Preferences,
        clock: Clock,
    ) -> None:
        super().__init__()
        self.model = model
        self._browser = browser
        self._preferences = preferences
        self._clock = clock
        self.shell: Shell | None = None

    def build(self) -> Shell:
        # Modules and rules stay: the collector need not go through them while somebody scrolls.
        gc.freeze()
        self.title = "ExampleCo Timesheets"
        self.theme_cls.theme_style_switch_animation = False
        self.theme_cls.primary_palette = SEED
        self._apply_appearance(self._preferences.appearance)
        self.shell = self._make_shell()
        return self.shell

    def on_pause(self) -> bool:
        return True

    def on_resume(self) -> None:
        self.model.resume()

    def run_quietly(self) -> None:
        """Built and on the window, with nobody but the caller to move time on."""
        self._run_prepare()
        runTouchApp(embedded=True)

    def _make_shell(self) -> Shell:
        shell = Shell(
            self.model,
            Strings(self._preferences.language),
            self._today,
            self.set_appearance,
            self.set_language,
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
            dark = bool(getattr(Window, "system_theme", "") == "dark")
        else:
            dark = appearance is Appearance.DARK
        self.theme_cls.theme_style = "Dark" if dark else "Light"

    def set_language(self, language: str) -> None:
        """Every word anew."""
        if self.shell is None:
            return
        self._preferences.language = language
        tab = self.shell.tab
        self.shell.leave()
        Window.remove_widget(self.shell)
        self.shell = self.root = self._make_shell()
        Window.add_widget(self.shell)
        self.shell.go(tab)


async def run(folder: Path | None = None) -> None:
    """Until the window is closed."""
    settings, clock = AppSettings.read(os.environ), Clock()
    place = folder or _data_folder()
    protect_logs()
    async with make_client() as http:
        browser = make_browser(platform)
        store = make_token_store(platform, place)
        session = Session(settings, store, http, place / "people", clock)
        model = AppModel(session, browser)
        app = TimesheetsApp(model, browser, Preferences(place / "preferences.json"), clock)
        await model.start()
        try:
            await app.async_run(async_lib="asyncio")
        finally:
            await model.stop()


def _data_folder() -> Path:
    """Where the app's own files lie on this platform; TIMESHEETS_DATA names another place."""
    named = os.environ.get("TIMESHEETS_DATA")
    if named:
        return Path(named)
    if platform == "android":
        from android.storage import app_storage_path

        return Path(app_storage_path())
    if platform == "win":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "ExampleCo Timesheets"
    if platform in ("macosx", "ios"):
        return Path.home() / "Library" / "Application Support" / "ExampleCo Timesheets"
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "exampleco-timesheets"


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    try:
        asyncio.run(run())
    except SettingsError as error:
        raise SystemExit(str(error)) from None
    except KeyboardInterrupt:
        log.info("closed from the terminal")  # all is stored, as when the window is closed
