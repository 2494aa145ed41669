"""Protocols for the parts of the frame that screens may use; `Shell` implements all of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, Protocol

from kivy.uix.widget import Widget

from mobile.core.drafts import SavedDraft
from mobile.core.wire import Project
from mobile.text import Strings
from mobile.viewmodels.base import SnackbarMessage
from mobile.viewmodels.entry_form import EntryForm
from mobile.viewmodels.profile import Appearance
from mobile.viewmodels.stages import Models, Tab


class Localized(Protocol):
    """The language, the day it is, and whether the dark theme is on."""

    strings: Strings

    @property
    def dark(self) -> bool: ...

    @property
    def today(self) -> date: ...


class OverlayHost(Protocol):
    """Sheets, dialogs and snackbars over the screen."""

    def show(self, overlay: Widget) -> None: ...

    def show_form(self, form: EntryForm) -> None: ...

    def notify_key(self, key: str) -> None: ...

    def notify(self, message: SnackbarMessage) -> None: ...

    def refresh_week(self) -> None: ...


class Navigator(Protocol):
    """Ways to other screens."""

    def go(self, tab: Tab) -> None: ...

    def open_problems(self) -> None: ...

    def open_months(self) -> None: ...

    def close_page(self) -> None: ...

    def new_absence(self) -> None: ...

    def open_absence(self, absence_id: str) -> None: ...

    def new_entry(self, day: date) -> None: ...

    def open_draft(self, draft: SavedDraft) -> None: ...

    def edit_entry(self, entry_id: str) -> None: ...


class Layout(Protocol):
    """The window class: `rail` from 600 dp on, `split` from 840 dp on."""

    rail: bool
    split: bool

    @property
    def content_width(self) -> float: ...

    def make_refreshable(self, list_: Widget) -> None: ...

    def bind(self, **watchers: Callable[..., Any]) -> None: ...

    def unbind(self, **watchers: Callable[..., Any]) -> None: ...


class Synchronised(Protocol):
    """The state of synchronising."""

    @property
    def busy(self) -> bool: ...

    @property
    def offline(self) -> bool: ...

    def synchronise(self) -> None: ...


class Settings(Protocol):
    """The person's settings on this device."""

    appearance: Appearance

    def set_appearance(self, appearance: Appearance) -> None: ...

    def set_language(self, language: str) -> None: ...

    @property
    def notifications(self) -> bool: ...

    def set_notifications(self, on: bool) -> None: ...

    @property
    def picture(self) -> str | None: ...

    def sign_out(self) -> None: ...


class ScreenFrame(Localized, OverlayHost, Navigator, Layout, Synchronised, Protocol):
    """The parts that most screens use."""

    @property
    def models(self) -> Models: ...

    def find_projects(self, typed: str) -> list[Project]: ...

    def render(self) -> None: ...


class SettingsFrame(ScreenFrame, Settings, Protocol):
    """The parts that the profile screen uses."""


class SheetFrame(Localized, OverlayHost, Protocol):
    """The parts that sheets use."""


class DevicePreferences(Protocol):
    """The settings of this device, kept and applied by the application."""

    @property
    def notifications(self) -> bool: ...

    def set_notifications(self, on: bool) -> None: ...

    def set_appearance(self, appearance: Appearance) -> None: ...

    def set_language(self, language: str) -> None: ...
