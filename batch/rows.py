"""A row on its way: as it stands in the file, as it was understood, as it is sent."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Record:
    """A row of the file by column, the names in lower case; an absent cell reads as empty."""

    line: int
    cells: Mapping[str, str]
    is_short: bool = False

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")

    def first(self, *columns: str) -> str:
        """The first of the columns that is not empty."""
        for column in columns:
            if cell := self[column]:
                return cell
        return ""


@dataclass(frozen=True, slots=True)
class Mistake:
    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A row that cannot be sent, and why."""

    line: int
    mistakes: tuple[Mistake, ...]
    cells: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A row that says nothing which could be sent: no time was worked."""

    line: int
    reason: str


class Row(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the service is sent. What a row does not say is not sent."""

    external_id: str
    person: str
    date: str
    project: str
    minutes: int
    task: str | None = None
    note: str = ""
    billable: bool | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A row that was understood, and still may lack an id.

    `identity` is what stays when the row is corrected: who, when, for which project and task, in
    the words of the file. Minutes and note are not part of it: a corrected row must change its
    entry, not make a second one beside it.
    """

    line: int
    row: Row
    identity: tuple[str, ...]
    was_rounded: bool = False
    crosses_midnight: bool = False
    is_short: bool = False


Reading = Draft | LeftOut | Unreadable


class Attempt:
    """Reads the cells of a row one by one and collects what is wrong with them."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.mistakes: list[Mistake] = []

    def take(self, name: str, read: Callable[..., T], *arguments: Any) -> T | None:
        """What `read` returns, or None with a mistake noted where it raises ValueError."""
        try:
            return read(*arguments)
        except ValueError as error:
            self.mistakes.append(Mistake(name, str(error)))
            return None

    def unreadable(self) -> Unreadable:
        return Unreadable(self.record.line, tuple(self.mistakes), self.record.cells)


def read_truth(text: str) -> bool | None:
    """None for an empty cell. Raises ValueError with words for people."""
    word = text.lower()
    if not word:
        return None
    if word in ("yes", "true", "1", "y"):
        return True
    if word in ("no", "false", "0", "n"):
        return False
    raise ValueError(f"{text[:40]} is neither yes nor no.")
