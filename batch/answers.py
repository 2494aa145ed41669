"""What the service answers, read with care: it may be a proxy that speaks."""

from dataclasses import dataclass
from typing import TypeVar

import msgspec

T = TypeVar("T")


class Report(msgspec.Struct, frozen=True):
    """A batch as the service has stored it. `errors` is the address of the refused rows."""

    id: str
    created: int
    updated: int
    unchanged: int
    failed: int
    errors: str | None = None


class RowError(msgspec.Struct, frozen=True):
    """`line` counts the lines of the body."""

    line: int
    message: str
    field: str | None = None


class Errors(msgspec.Struct, frozen=True):
    items: list[RowError]
    next: str | None = None


class FieldError(msgspec.Struct, frozen=True):
    message: str = ""


class Problem(msgspec.Struct, frozen=True):
    """RFC 9457, as far as it is told on."""

    detail: str = ""
    title: str = ""
    request_id: str = ""
    errors: list[FieldError] = []

    def __str__(self) -> str:
        words = self.detail or self.title
        fields = [error.message for error in self.errors[:3] if error.message not in words]
        told = " ".join((words, *fields)).strip()
        return f"{told} (request {self.request_id})" if self.request_id else told


@dataclass(frozen=True, slots=True)
class Uploaded:
    """`was_replayed`: the service had answered this very upload before, and did nothing now."""

    report: Report
    was_replayed: bool
    attempts: int


def read_report(body: bytes) -> Report | None:
    return _read(body, Report)


def read_errors(body: bytes) -> Errors | None:
    return _read(body, Errors)


def read_problem(body: bytes) -> Problem:
    return _read(body, Problem) or Problem()


def _read(body: bytes, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError:
        return None
