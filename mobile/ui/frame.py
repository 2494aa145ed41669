"""What screens may use of the frame around them, as protocols; `Shell` implements all of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, Protocol

from kivy.uix.widget import Widget

from mobile.text import Strings
from mobile.viewmodels.base import SnackbarMessage
from mobile.viewmodels.entry_form import EntryForm
from mobile.viewmodels.profile import Appearance


class Localized(Protocol):
    """The language, and the day it is."""

    strings: Strings

    @property
    def today(self) -> date: ...


class OverlayHost(Protocol):
    """Sheets, dialogs and snackbars over the screen."""

    def show(self, overlay: Widget) -> None: ...

    def show_form(self, form: EntryForm) -> None: ...

    def notify(self, message: SnackbarMessage) -> None: ...


class Navigator(Protocol):
    """Ways to other screens."""

    def open_problems(self) -> None: ...

    def close_problems(self) -> None: ...

    def new_entry(self, day: date) -> None: ...

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
    """What the person sets for this device."""

    appearance: Appearance

    @property
    def picture(self) -> str | None: ...

    def set_appearance(self, appearance: Appearance) -> None: ...

    def set_language(self, language: str) -> None: ...

    def sign_out(self) -> None: ...


class ScreenFrame(Localized, OverlayHost, Navigator, Layout, Synchronised, Protocol):
    """What most screens use."""


class SettingsFrame(ScreenFrame, Settings, Protocol):
    """What the profile screen uses."""


class SheetFrame(Localized, OverlayHost, Protocol):
    """What sheets use."""
