"""A caller's conditions on a resource before it changes (RFC 9110 section 13)."""

from __future__ import annotations

from dataclasses import dataclass

from libs.rules.errors import StaleVersion


@dataclass(frozen=True, slots=True)
class Preconditions:
    """`version`: it has this one. `exists`: it is there. `is_new`: it is not there yet."""

    version: int | None = None
    exists: bool = False
    is_new: bool = False

    def is_stale(self, version: int) -> bool:
        """Whether the caller expects another version than this one."""
        return self.version is not None and self.version != version

    def check_version(self, current: object, version: int) -> None:
        """Raise `StaleVersion` unless `version`, that of `current`, is the expected one."""
        if self.is_stale(version):
            raise StaleVersion("This has changed since you read it.", current, version)


UNCONDITIONAL = Preconditions()
