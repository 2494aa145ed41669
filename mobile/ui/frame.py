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
    def dark(self) -> bool:
        """Whether colours are dark."""

    @property
    def today(self) -> date:
        """The day on the device."""


class OverlayHost(Protocol):
    """Sheets, dialogs and snackbars over the screen."""

    def show(self, overlay: Widget) -> None:
        """Show an overlay above everything else."""

    def show_form(self, form: EntryForm) -> None:
        """Open a form."""

    def notify_key(self, key: str) -> None:
        """Say the text of the key."""

    def notify(self, message: SnackbarMessage) -> None:
        """Say a message."""

    def refresh_week(self) -> None:
        """Show the week as it is now."""

    def render(self) -> None:
        """Show the model as it is now."""


class Navigator(Protocol):
    """Ways to other screens."""

    def go(self, tab: Tab) -> None:
        """Go to a tab."""

    def open_problems(self) -> None:
        """Open the problems."""

    def open_months(self) -> None:
        """Open the months."""

    def close_page(self) -> None:
        """Go back to the tab."""

    def new_absence(self) -> None:
        """Open a form for a new absence."""

    def open_absence(self, absence_id: str) -> None:
        """Open the form of an absence."""

    def new_entry(self, day: date) -> None:
        """Open a form for a new entry of the day."""

    def open_draft(self, draft: SavedDraft) -> None:
        """Open the form of a draft."""

    def edit_entry(self, entry_id: str) -> None:
        """Open the form of an entry."""


class Layout(Protocol):
    """The window class: `rail` from 600 dp on, `split` from 840 dp on."""

    rail: bool
    split: bool

    @property
    def content_width(self) -> float:
        """The width that the navigation leaves free."""

    def make_refreshable(self, list_: Widget) -> None:
        """Pulling the list down synchronises."""

    def bind(self, **watchers: Callable[..., Any]) -> None:
        """Call the watchers when these properties change."""

    def unbind(self, **watchers: Callable[..., Any]) -> None:
        """Call the watchers no more."""


class Synchronised(Protocol):
    """The state of synchronising."""

    @property
    def busy(self) -> bool:
        """Whether the app is synchronising."""

    @property
    def offline(self) -> bool:
        """Whether no server can be reached."""

    def synchronise(self) -> None:
        """Send and refresh now."""


class DevicePreferences(Protocol):
    """The settings of this device, kept and applied by the application."""

    @property
    def notifications(self) -> bool:
        """Whether the person wants notifications."""

    def set_notifications(self, on: bool) -> None:
        """Choose notifications or none, and keep the choice."""

    def set_appearance(self, appearance: Appearance) -> None:
        """Choose light or dark, and keep the choice."""

    def set_language(self, language: str) -> None:
        """Choose the language, and keep the choice."""


class Settings(DevicePreferences, Protocol):
    """The person's settings on this device, and the way out."""

    appearance: Appearance

    @property
    def picture(self) -> str | None:
        """The path of the person's picture."""

    def sign_out(self) -> None:
        """Sign out after a question that says what would be lost."""


class ScreenFrame(Localized, OverlayHost, Navigator, Layout, Synchronised, Protocol):
    """The parts that most screens use."""

    @property
    def models(self) -> Models:
        """The models of the person who is signed in."""

    def find_projects(self, typed: str) -> list[Project]:
        """The projects that match the text."""


class SettingsFrame(ScreenFrame, Settings, Protocol):
    """The parts that the profile screen uses."""


class SheetFrame(Localized, OverlayHost, Protocol):
    """The parts that sheets use."""
