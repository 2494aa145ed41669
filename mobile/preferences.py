"""How the app looks and speaks on this device, whoever is signed in."""

from __future__ import annotations

import json
import locale
from pathlib import Path

from mobile.text import language_of
from mobile.viewmodels.profile import Appearance


class Preferences:
    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            found = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError):
            found = {}
        self._found: dict[str, str] = found if isinstance(found, dict) else {}

    @property
    def appearance(self) -> Appearance:
        try:
            return Appearance(self._found.get("appearance", ""))
        except ValueError:
            return Appearance.SYSTEM

    @appearance.setter
    def appearance(self, appearance: Appearance) -> None:
        self._set("appearance", appearance)

    @property
    def language(self) -> str:
        return language_of(self._found.get("language") or locale.getlocale()[0])

    @language.setter
    def language(self, language: str) -> None:
        self._set("language", language)

    def _set(self, name: str, value: str) -> None:
        self._found[name] = value
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path.write_text(json.dumps(self._found), "utf-8")
