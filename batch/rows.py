"""A row on its way through the uploader: as read, as parsed, as sent."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Record:
    """The cells of a row by column name in lower case. A missing cell reads as empty.

    `nested` are names of JSON objects and arrays; their cells are empty.
    """

    line: int
    cells: Mapping[str, str]
    is_short: bool = False
    is_csv: bool = False
    nested: frozenset[str] = frozenset()

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")

    def first(self, *columns: str) -> str:
        """The first cell among the columns that is not empty."""
        for column in columns:
            if cell := self[column]:
                return cell
        return ""


@dataclass(frozen=True, slots=True)
class CellError:
    """A cell that cannot be read, and why."""

    field: str
    message: str


@dataclass(frozen=True, slots=True)
class InvalidRow:
    """A row that cannot be sent, and the reasons."""

    line: int
    errors: tuple[CellError, ...]
    cells: Mapping[str, str] = field(default_factory=dict)


class Row(msgspec.Struct, frozen=True, omit_defaults=True):
    """An entry as the service receives it. Fields that the file does not set are not sent."""

    external_id: str
    person: str
    date: str
    project: str
    minutes: int
    task: str | None = None
    note: str = ""
    billable: bool | None = None


class Deletion(msgspec.Struct, frozen=True, omit_defaults=True):
    """A row that removes the entry of this id. `person` makes a complete file cover them."""

    external_id: str
    deleted: bool
    person: str | None = None


class Remark(StrEnum):
    """Something about a row that its owner should know although the row is accepted."""

    ROUNDED = "rounded"
    OVER_MIDNIGHT = "over_midnight"
    SHORT = "short"
    DURATION_DIFFERS = "duration_differs"
    CLOCK_CHANGE = "clock_change"
    FROM_CLOCKS = "from_clocks"
    OUTSIDE_RANGE = "outside_range"


@dataclass(frozen=True, slots=True)
class Draft:
    """A parsed row that may still lack an external id.

    `identity` survives most corrections of the row: person, day, start, project and task, as the
    service knows them. Minutes and note are not part of it, because a corrected row must change
    its entry and not add a second one.
    """

    line: int
    row: Row | Deletion
    identity: tuple[str, ...] = ()
    remarks: frozenset[Remark] = frozenset()


@dataclass(frozen=True, slots=True)
class SkippedRow:
    """A row without working time.

    `deletion` removes the entry that an earlier version of the row created, if the row says
    which one that is.
    """

    line: int
    reason: str
    deletion: Draft | None = None


ParsedRow = Draft | SkippedRow | InvalidRow


class RowParser:
    """Parses the cells of a row one by one and collects their errors."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.errors: list[CellError] = []

    def parse(self, name: str, parse: Callable[..., T], *arguments: Any) -> T | None:
        """The result of `parse`, or None and an error for `name` if it raises ValueError."""
        try:
            return parse(*arguments)
        except ValueError as error:
            self.add_error(name, str(error))
            return None

    def add_error(self, name: str, message: str) -> None:
        """Note an error of the row."""
        self.errors.append(CellError(name, message))

    def invalid_row(self) -> InvalidRow:
        """The row with every error that was noted."""
        return InvalidRow(self.record.line, tuple(self.errors), self.record.cells)


def parse_boolean(text: str) -> bool | None:
    """None for an empty cell. Raises ValueError with a message for the user."""
    word = text.lower()
    if not word:
        return None
    if word in ("yes", "true", "1", "y", "t"):
        return True
    if word in ("no", "false", "0", "n", "f"):
        return False
    raise ValueError(f"{text[:40]} is neither yes nor no.")
