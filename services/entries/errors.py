"""Why a command did nothing, apart from the rules of the model."""

from __future__ import annotations


class NotVisible(Exception):
    """There is no such resource, or none that the caller may see."""


class NotUploaded(Exception):
    """The entry was written by the person, so nobody else may delete it."""


class StaleVersion(Exception):
    """The caller knows another version than the current one. `current` is None if it is gone."""

    def __init__(self, detail: str, current: object = None, version: int | None = None) -> None:
        super().__init__(detail)
        self.current = current
        self.version = version


class AlreadyExists(Exception):
    """There is another resource under this id. `current` is that one, if the caller may see it."""

    def __init__(self, detail: str, current: object = None) -> None:
        super().__init__(detail)
        self.current = current
