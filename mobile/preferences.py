"""Appearance and language of this device, for everybody who signs in."""

from __future__ import annotations

import json
import locale
from pathlib import Path

from mobile.text import language_of
from mobile.viewmodels.profile import Appearance


class Preferences:
    """`system_language` is the language of the device, for the time before one is chosen."""

    def __init__(self, path: Path, system_language: str | None = None) -> None:
        self._path = path
        self._system_language = system_language or locale.getlocale()[0]
        try:
            found = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError):
            found = {}
        self._found: dict[str, str] = found if isinstance(found, dict) else {}

    @property
    def appearance(self) -> Appearance:
        """The chosen appearance, or that of the system."""
        try:
            return Appearance(self._found.get("appearance", ""))
        except ValueError:
            return Appearance.SYSTEM

    @appearance.setter
    def appearance(self, appearance: Appearance) -> None:
        self._set("appearance", appearance)

    @property
    def language(self) -> str:
        """The chosen language, or that of the device if there is a catalog for it."""
        return language_of(self._found.get("language") or self._system_language)

    @language.setter
    def language(self, language: str) -> None:
        self._set("language", language)

    @property
    def notifications(self) -> bool:
        """Whether notifications were switched on; off by default."""
        return self._found.get("notifications") == "on"

    @notifications.setter
    def notifications(self, on: bool) -> None:
        self._set("notifications", "on" if on else "off")

    def _set(self, name: str, value: str) -> None:
        self._found[name] = value
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Replaced as a whole: a kill leaves the old file or the new one.
        unfinished = self._path.with_suffix(".new")
        unfinished.write_text(json.dumps(self._found), "utf-8")
        unfinished.replace(self._path)
