"""A caller's conditions on a resource before it changes (RFC 9110 section 13)."""

from __future__ import annotations

from dataclasses import dataclass

from libs.rules.errors import StaleVersion


@dataclass(frozen=True, slots=True)
class Preconditions:
    """`versions`: it has one of these. `exists`: it is there. `is_new`: it is not there yet."""

    versions: frozenset[int] | None = None
    exists: bool = False
    is_new: bool = False

    def is_stale(self, version: int) -> bool:
        """Whether the caller expects something else than this version, which is 0 for what was
        never written."""
        exists_already = self.is_new and version > 0
        return exists_already or (self.versions is not None and version not in self.versions)

    def check_version(self, current: object, version: int) -> None:
        """Raise `StaleVersion` unless `version`, that of `current`, is an expected one."""
        if self.is_stale(version):
            raise StaleVersion(self._reason, current, version)

    @property
    def _reason(self) -> str:
        if self.is_new:
            return "This exists already."
        if not self.versions:
            return "Weak tags never match in If-Match. Send the tag without W/."
        return "This has changed since you read it."


UNCONDITIONAL = Preconditions()
