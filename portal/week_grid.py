"""A week as a grid: rows of project and task, columns of days, one entry per cell.

A project and task with several entries on one day take several rows, so that every cell can be
typed into.
"""

from __future__ import annotations

import uuid
import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from libs.rules.calendar import Week
from portal.formats import duration

Json = dict[str, Any]
COLOURS = 12
ROW_SEPARATOR = "~"


@dataclass(frozen=True, slots=True, order=True)
class RowKey:
    """The project of a row in the grid, and the task if there is one."""

    project: str
    task: str = ""

    @classmethod
    def parse(cls, text: str) -> RowKey:
        """The key that `str` wrote."""
        project, _separator, task = text.partition(ROW_SEPARATOR)
        return cls(project, task)

    def __str__(self) -> str:
        return f"{self.project}{ROW_SEPARATOR}{self.task}" if self.task else self.project


@dataclass(slots=True)
class Cell:
    """`typed` and `error` are set where what was typed could not be saved."""

    date: date
    entry: Json | None
    can_edit: bool
    typed: str | None = None
    error: str = ""

    @property
    def minutes(self) -> int:
        """The cell's minutes; 0 if it has no entry."""
        return int(self.entry["minutes"]) if self.entry else 0

    @property
    def text(self) -> str:
        """The text in the cell: as typed if it was refused, or the entry's duration."""
        if self.typed is not None:
            return self.typed
        return duration(self.minutes) if self.entry else ""

    @property
    def reference(self) -> str:
        """Which version of which entry the cell shows."""
        return f"{self.entry['id']} {self.entry['version']}" if self.entry else ""


@dataclass(slots=True)
class Row:
    """A row of the grid: the cells of one project and task. `lane` tells rows of one key apart."""

    key: RowKey
    lane: int
    name: str
    customer: str
    cells: list[Cell]
    is_favourite: bool = False
    is_active: bool = True

    @property
    def id(self) -> str:
        """Unique in the grid, and the same on every page that shows it."""
        return f"{self.key}/{self.lane}"

    @property
    def total(self) -> int:
        """The row's minutes."""
        return sum(cell.minutes for cell in self.cells)

    @property
    def colour(self) -> int:
        """The number of the project's colour."""
        return colour_of(self.key.project)


@dataclass(frozen=True, slots=True)
class Absence:
    """An absence on one day."""

    kind: str
    is_half: bool


@dataclass(frozen=True, slots=True)
class Day:
    """A column. `target` is None where nothing is expected of the person."""

    date: date
    minutes: int
    target: int | None
    holiday: str
    absence: Absence | None
    can_edit: bool
    lock_reason: str
    unlock: str
    is_today: bool

    @property
    def is_weekend(self) -> bool:
        """Whether the day is a Saturday or Sunday."""
        return self.date.weekday() >= 5

    @property
    def percent(self) -> int:
        """Of the target, 100 at most; any work on a day without one fills the bar."""
        if not self.target:
            return 100 if self.minutes else 0
        return min(100, round(100 * self.minutes / self.target))


@dataclass(slots=True)
class Grid:
    """A week as a table of rows and days. The ids of new entries derive from `token`."""

    week: Week
    sheet: Json
    days: list[Day]
    rows: list[Row]
    token: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def total(self) -> int:
        """The week's minutes."""
        return int(self.sheet["total_minutes"])

    @property
    def target(self) -> int | None:
        """The week's target in minutes, or None if the person has none."""
        target = self.sheet.get("target_minutes")
        return int(target) if target is not None else None

    @property
    def can_edit(self) -> bool:
        """Whether a day of the week can be changed."""
        return any(day.can_edit for day in self.days)

    @property
    def default_day(self) -> date:
        """Today if it is in the week, else Monday."""
        return next((day.date for day in self.days if day.is_today), self.week.monday)

    @property
    def locks(self) -> list[tuple[str, str, list[Day]]]:
        """Why days cannot be edited: reason, what unlocks them, the days."""
        found: dict[tuple[str, str], list[Day]] = defaultdict(list)
        for day in self.days:
            if not day.can_edit:
                found[day.lock_reason, day.unlock].append(day)
        return [(reason, unlock, days) for (reason, unlock), days in found.items()]

    def cell(self, row_id: str, day: date) -> Cell | None:
        """The cell of a row and day, or None if the grid has no such row or day."""
        for row in self.rows:
            if row.id == row_id:
                return next((cell for cell in row.cells if cell.date == day), None)
        return None


def build_grid(
    sheet: Json,
    projects: Iterable[Json],
    today: date,
    extra: Sequence[RowKey] = (),
    favourites: Sequence[RowKey] = (),
) -> Grid:
    """Arrange the API's week as a grid, with the `extra` rows and the pinned ones."""
    week = Week.parse(sheet["week"])
    by_code = {project["code"]: project for project in projects}
    days = [_day(day, today, sheet.get("absences") or []) for day in sheet["days"]]
    lanes = _lanes(sheet["entries"])
    pinned = list(favourites) if any(day.can_edit for day in days) else []
    without_entries = [key for key in dict.fromkeys([*pinned, *extra]) if (key, 0) not in lanes]
    rows = [
        _row(key, lane, cells, days, by_code, key in favourites)
        for (key, lane), cells in sorted(
            lanes.items(), key=lambda item: (_name(item[0][0], by_code).casefold(), item[0])
        )
    ]
    rows += [
        _row(key, 0, {}, days, by_code, key in favourites)
        for key in without_entries
        if key.project in by_code
    ]
    return Grid(week, sheet, days, rows)


def new_entry_id(token: str, row_id: str, day: date) -> str:
    """The id of what is typed into an empty cell: sending the grid twice adds it once."""
    return str(uuid.uuid5(uuid.UUID(token), f"{row_id} {day}"))


def colour_of(project: str) -> int:
    """One of twelve, stable by code."""
    return zlib.crc32(project.encode()) % COLOURS


def _lanes(entries: Iterable[Json]) -> dict[tuple[RowKey, int], dict[date, Json]]:
    lanes: dict[tuple[RowKey, int], dict[date, Json]] = {}
    for entry in sorted(entries, key=lambda entry: (entry["created_at"], entry["id"])):
        key, day = RowKey(entry["project"], entry["task"] or ""), date.fromisoformat(entry["date"])
        lane = 0
        while day in lanes.get((key, lane), {}):
            lane += 1
        lanes.setdefault((key, lane), {})[day] = entry
    return lanes


def _row(
    key: RowKey,
    lane: int,
    entries: Mapping[date, Json],
    days: Sequence[Day],
    projects: Mapping[str, Json],
    is_favourite: bool,
) -> Row:
    project = projects.get(key.project, {})
    cells = []
    for day in days:
        entry = entries.get(day.date)
        can_edit = entry["can_edit"] if entry else day.can_edit
        cells.append(Cell(day.date, entry, bool(can_edit)))
    return Row(
        key=key,
        lane=lane,
        name=_name(key, projects),
        customer=str(project.get("customer", "")),
        cells=cells,
        is_favourite=is_favourite,
        is_active=bool(project.get("active", True)),
    )


def _name(key: RowKey, projects: Mapping[str, Json]) -> str:
    return str(projects.get(key.project, {}).get("name", key.project))


def _day(day: Json, today: date, absences: Sequence[Json]) -> Day:
    parsed = date.fromisoformat(day["date"])
    return Day(
        date=parsed,
        minutes=int(day["minutes"]),
        target=day.get("target_minutes"),
        holiday=str(day.get("holiday") or ""),
        absence=_absence(day, absences),
        can_edit=bool(day["can_edit"]),
        lock_reason=str(day["lock_reason"] or ""),
        unlock=str(day["unlock"] or ""),
        is_today=parsed == today,
    )


def _absence(day: Json, absences: Sequence[Json]) -> Absence | None:
    kind = day.get("absence")
    if not kind:
        return None
    portions = [
        absence["portion"]
        for absence in absences
        if absence["kind"] == kind and absence["from"] <= day["date"] <= absence["to"]
    ]
    return Absence(str(kind), is_half=bool(portions) and max(portions) < 1)
