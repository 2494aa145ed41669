"""Responses of the service, decoded defensively: a proxy may answer in its place."""

from dataclasses import dataclass
from typing import TypeVar

import msgspec

T = TypeVar("T")


class BatchReport(msgspec.Struct, frozen=True):
    """A batch as the service stored it. `errors` is the address of the rejected rows."""

    id: str
    created: int
    updated: int
    unchanged: int
    failed: int
    removed: int = 0
    errors: str | None = None


class RowError(msgspec.Struct, frozen=True):
    """A rejected row. `line` counts the lines of the body.

    `line` is 0 for an entry that is missing from a complete file and cannot be removed.
    """

    line: int
    message: str
    field: str | None = None
    code: str = ""
    external_id: str = ""


class ErrorPage(msgspec.Struct, frozen=True):
    """A page of a batch's errors."""

    items: list[RowError]
    next: str | None = None


class RowOutcome(msgspec.Struct, frozen=True):
    """The effect of a batch on an entry. Date, project and minutes are null once it is removed."""

    external_id: str
    person: str
    action: str
    date: str | None = None
    project: str | None = None
    minutes: int | None = None

    def __str__(self) -> str:
        if self.minutes is None:
            return f"{self.person}: {self.external_id}"
        time = f"{self.minutes // 60}:{self.minutes % 60:02} h"
        return f"{self.person}: {self.date}, {self.project}, {time}"


class RowPage(msgspec.Struct, frozen=True):
    """A page of a batch's rows."""

    items: list[RowOutcome]
    next: str | None = None


class Undone(msgspec.Struct, frozen=True):
    """The effect of undoing a batch. `kept` entries are locked or were changed since."""

    removed: int
    restored: int
    kept: int


class UndoneBatch(msgspec.Struct, frozen=True):
    """A batch that was taken back."""

    undone: Undone | None = None


class FieldError(msgspec.Struct, frozen=True):
    """One error of a problem (RFC 9457)."""

    message: str = ""


class Problem(msgspec.Struct, frozen=True):
    """An RFC 9457 problem, as far as it is shown."""

    detail: str = ""
    title: str = ""
    request_id: str = ""
    errors: list[FieldError] = []

    def __str__(self) -> str:
        message = self.detail or self.title
        fields = [error.message for error in self.errors[:3] if error.message not in message]
        text = " ".join((message, *fields)).strip()
        return f"{text} (request {self.request_id})" if self.request_id else text


@dataclass(frozen=True, slots=True)
class UploadResult:
    """`was_replayed`: the service answered this upload before and did nothing this time."""

    report: BatchReport
    was_replayed: bool
    attempts: int


def decode_report(body: bytes) -> BatchReport | None:
    """The report of a batch, or None if the body is something else."""
    return _decode(body, BatchReport)


def decode_error_page(body: bytes) -> ErrorPage | None:
    """A page of errors, or None if the body is something else."""
    return _decode(body, ErrorPage)


def decode_row_page(body: bytes) -> RowPage | None:
    """A page of rows, or None if the body is something else."""
    return _decode(body, RowPage)


def decode_undone(body: bytes) -> Undone | None:
    """The counts of a batch that was taken back, or None if the body is something else."""
    batch = _decode(body, UndoneBatch)
    return None if batch is None else batch.undone


def decode_problem(body: bytes) -> Problem:
    """The problem of an error response, empty if the body is something else."""
    return _decode(body, Problem) or Problem()


def _decode(body: bytes, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError:
        return None
