"""The services' JSON as frozen values. Unknown members and enumeration values are tolerated."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import date, datetime
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar

from mobile.core.rules import AbsenceKind, ApprovalState, LockReason, State

Json = dict[str, Any]


class UnexpectedResponse(Exception):
    """A response that breaks the contract."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as the API shows it."""

    id: str
    date: date
    project: str
    minutes: int
    version: int
    task: str | None = None
    note: str = ""
    billable: bool = True
    source: str = "app"
    can_edit: bool = True
    lock_reason: LockReason | None = None
    unlock: str | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class HistoryEvent:
    """An action on a week or an approval, and who did it."""

    event: str
    at: datetime | None = None
    actor: str = ""
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Timesheet:
    """A week on the server. `history` is empty in lists; no target is None."""

    week: str
    state: State
    version: int
    submission_id: str | None = None
    reason: str | None = None
    total_minutes: int = 0
    target_minutes: int | None = None
    by_day: dict[date, int] = field(default_factory=dict)
    by_project: dict[str, int] = field(default_factory=dict)
    history: tuple[HistoryEvent, ...] = ()


@dataclass(frozen=True, slots=True)
class Project:
    """`tasks` are suggestions; an empty tuple leaves the task to the person."""

    code: str
    name: str
    customer: str
    active: bool = True
    billable: bool = True
    tasks: tuple[str, ...] = ()
    note_required: bool = False


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """A day of GET /v1/calendar: its own target, the holiday's name, the kind of absence."""

    date: date
    target_minutes: int | None = None
    holiday: str | None = None
    absence: str | None = None


@dataclass(frozen=True, slots=True)
class Absence:
    """Both days included; `portion` is 1 or 0.5 of each day."""

    id: str
    since: date = field(metadata={"key": "from"})
    until: date = field(metadata={"key": "to"})
    kind: AbsenceKind = AbsenceKind.OTHER
    portion: float = 1.0
    note: str = ""
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything that an offline client needs, in one response."""

    closed_through: date | None = None
    scopes: tuple[str, ...] = ()
    target_minutes: int | None = None


@dataclass(frozen=True, slots=True)
class ApprovalEntry:
    """An entry of a submitted week, as the API shows it with an approval."""

    date: date
    project: str
    minutes: int
    note: str = ""
    task: str | None = None


@dataclass(frozen=True, slots=True)
class Approval:
    """A submission that the person may decide, or has decided."""

    id: str
    submission_id: str
    person: str
    week: str
    state: ApprovalState
    person_name: str | None = None
    total_minutes: int = 0
    target_minutes: int | None = None
    by_day: dict[date, int] = field(default_factory=dict)
    by_project: dict[str, int] = field(default_factory=dict)
    submitted_at: datetime | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None
    reason: str | None = None
    previous_reason: str | None = None
    acting_for: str | None = None
    why: str | None = None
    flags: tuple[str, ...] = ()
    entries: tuple[ApprovalEntry, ...] = ()
    history: tuple[HistoryEvent, ...] = ()


@dataclass(frozen=True, slots=True)
class Delegate:
    """Somebody's delegate between two days, both included."""

    person: str
    since: date = field(metadata={"key": "from"})
    until: date = field(metadata={"key": "to"})
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """The person's profile as the API shows it."""

    name: str | None = None
    email: str | None = None
    target_minutes: int | None = None
    locale: str | None = None
    reminders: bool | None = None
    delegate: Delegate | None = None
    delegated_by: tuple[Delegate, ...] = ()


@dataclass(frozen=True, slots=True)
class Person:
    """A person in the directory; `person` is the `sub`."""

    person: str
    name: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True)
class OverdueWeek:
    """A past week that has not been submitted."""

    person: str
    person_name: str | None = None
    week: str | None = None
    days_late: int = 0


ReadT = TypeVar("ReadT")


def read(kind: type[ReadT], value: object) -> ReadT:
    """Decode JSON as `kind`. Raises `UnexpectedResponse` if it does not fit."""
    try:
        return typing.cast(ReadT, _decode(kind, value))
    except (KeyError, TypeError, ValueError) as error:
        raise UnexpectedResponse(f"{kind.__name__}: {type(error).__name__}") from error


def read_items(kind: type[ReadT], page: object) -> list[ReadT]:
    """The items of a page. Raises `UnexpectedResponse` for anything else."""
    if not isinstance(page, Mapping) or not isinstance(page.get("items"), list):
        raise UnexpectedResponse("a list is expected")
    return [read(kind, item) for item in page["items"]]


def _decode(kind: Any, value: object) -> object:
    origin = typing.get_origin(kind)
    if origin in (types.UnionType, typing.Union):
        return _decode_optional(kind, value)
    if origin is tuple:
        item = typing.get_args(kind)[0]
        return tuple(_decode(item, member) for member in _list(value))
    if origin is dict:
        key, item = typing.get_args(kind)
        return {_decode(key, k): _decode(item, v) for k, v in _mapping(value).items()}
    if hasattr(kind, "__dataclass_fields__"):
        return _decode_dataclass(kind, _mapping(value))
    return _decode_plain(kind, value)


def _decode_optional(kind: Any, value: object) -> object:
    if value is None:
        return None
    [inner] = [arm for arm in typing.get_args(kind) if arm is not type(None)]
    return _decode(inner, value)


@cache
def _hints(kind: type) -> Mapping[str, Any]:
    return typing.get_type_hints(kind)


def _decode_dataclass(kind: Any, members: Mapping[str, object]) -> object:
    given = {}
    for member in fields(kind):
        value = members.get(member.metadata.get("key", member.name))
        optional = member.default is not MISSING or member.default_factory is not MISSING
        if value is None and optional:
            continue
        given[member.name] = _decode(_hints(kind)[member.name], value)
    return kind(**given)


def _decode_plain(kind: Any, value: object) -> object:
    if kind is date:
        return date.fromisoformat(_typed(str, value))
    if kind is datetime:
        return datetime.fromisoformat(_typed(str, value))
    if issubclass(kind, StrEnum):
        return _decode_enum(kind, _typed(str, value))
    if kind is float:
        return float(_typed(int, value)) if type(value) is int else _typed(float, value)
    return _typed(kind, value)


def _decode_enum(kind: Any, value: str) -> object:
    """A value that only a newer server knows must not stop everything else from being read."""
    try:
        return kind(value)
    except ValueError:
        return kind("unknown")


def _typed(kind: type[ReadT], value: object) -> ReadT:
    if type(value) is not kind:
        raise TypeError(kind.__name__)
    return value


def _list(value: object) -> list[object]:
    return _typed(list, value)


def _mapping(value: object) -> dict[str, object]:
    return _typed(dict, value)
