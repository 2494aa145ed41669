"""The state of synchronising, for the screens."""

from __future__ import annotations

from dataclasses import dataclass

from mobile.core.changes import ServiceName
from mobile.core.database import StoreFull
from mobile.core.network import (
    AccountInactive,
    SignedOut,
    StepUpRequired,
    Unreachable,
    UpdateRequired,
)


@dataclass(frozen=True, slots=True)
class SyncState:
    """`offline` is None before the first attempt; `unavailable` are services that do not answer.

    `problem` is the key of a sentence for what only the person, or an administrator, can solve.
    """

    busy: bool = False
    offline: bool | None = None
    unavailable: frozenset[ServiceName] = frozenset()
    problem: str = ""
    step_up: StepUpRequired | None = None

    @property
    def failed(self) -> bool:
        """Whether a service could not be reached at the last try."""
        return bool(self.unavailable)


def problem_of(error: Exception | None) -> str:
    """The key of the sentence that explains the failure, empty if the network explains it."""
    if error is None or isinstance(error, Unreachable | SignedOut):
        return ""
    known: dict[type[Exception], str] = {
        UpdateRequired: "sync.update",
        AccountInactive: "sync.inactive",
        StoreFull: "sync.full",
    }
    return known.get(type(error), "sync.error")


def as_unreachable(error: Exception) -> Unreachable:
    """A response that cannot be read counts as a service that does not answer."""
    return error if isinstance(error, Unreachable) else Unreachable(offline=False)
