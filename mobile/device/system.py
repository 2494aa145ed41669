"""The device's language, dark mode and password store, whatever platform it is."""

from __future__ import annotations

import locale
import os
from pathlib import Path
from typing import Any

from mobile.device import android


def autoclass_of(platform: str) -> Any | None:
    """`autoclass` of pyjnius on Android, None elsewhere. `platform` as kivy.utils names it."""
    if platform != "android":
        return None
    from jnius import autoclass

    return autoclass


def system_language(platform: str) -> str:
    """As `de-DE` or `de_DE`; Android answers for itself, C.UTF-8 is no language."""
    autoclass = autoclass_of(platform)
    if autoclass is not None:
        return android.read_language(autoclass)
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(name, "")
        if value and not value.startswith(("C", "POSIX")):
            return value
    return windows_language(locale.getlocale()[0] or "en")


def windows_language(name: str) -> str:
    """`German_Austria` and the like, as Windows names them."""
    names = {"german": "de", "english": "en"}
    return names.get(name.partition("_")[0].lower(), name)


def is_dark(platform: str) -> bool:
    """Whether the system is set to dark; False where it does not say."""
    autoclass = autoclass_of(platform)
    if autoclass is not None:
        return android.is_dark(autoclass)
    if platform == "linux":
        return "dark" in os.environ.get("GTK_THEME", "").lower()
    return False


def data_folder(platform: str) -> Path:
    """The directory of the app's files; TIMESHEETS_DATA overrides it."""
    named = os.environ.get("TIMESHEETS_DATA")
    if named:
        return Path(named)
    if platform == "android":
        from android.storage import app_storage_path

        return Path(app_storage_path())
    if platform == "win":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "ExampleCo Timesheets"
    if platform == "macosx":
        return Path.home() / "Library" / "Application Support" / "ExampleCo Timesheets"
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "exampleco-timesheets"
