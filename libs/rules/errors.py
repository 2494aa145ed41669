"""Why a command did nothing. Each service maps these to problems (RFC 9457) in one place."""

from __future__ import annotations


class NotVisible(Exception):
    """There is no such resource, or none that the caller may see."""


class NotAllowed(Exception):
    """The caller sees the resource, and may not do this to it."""


class WrongState(Exception):
    """The resource is not in the state that this step starts from."""

    def __init__(self, detail: str, state: str) -> None:
        super().__init__(detail)
        self.state = state


class AlreadyExists(Exception):
    """There is another resource under this id. `current` is that one, if the caller may see it."""

    def __init__(self, detail: str, current: object = None) -> None:
        super().__init__(detail)
        self.current = current


class StaleVersion(Exception):
    """The caller knows another version than the current one. `current` is None if it is gone."""

    def __init__(self, detail: str, current: object = None, version: int | None = None) -> None:
        super().__init__(detail)
        self.current = current
        self.version = version
