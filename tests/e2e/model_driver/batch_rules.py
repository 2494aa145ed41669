"""Predicts the result of an uploaded file: the rows that fail, and the effect of the others.

Without `skip` a row that fails leaves the others without effect.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import date

from tests.e2e.model_driver.common_rules import AHEAD, FULL_DAY, CommonRules
from tests.e2e.model_driver.state import DAY, Entry, State

Error = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Row:
    """A row; only `external_id` counts if it is `deleted`."""

    external_id: str
    person: str = ""
    day: date = date.min
    project: str = ""
    minutes: int = 0
    note: str = ""
    billable: bool | None = None
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Sent:
    """The row last sent for an entry that its person changed or deleted since."""

    person: str
    values: tuple[object, ...]
    deleted: bool


@dataclass(slots=True)
class Changes:
    """The entries that a batch created, and those that it updated or removed as they were before.

    `version` of an updated or removed entry is the one after the change.
    """

    created: list[Entry] = field(default_factory=list)
    updated: list[Entry] = field(default_factory=list)
    removed: list[Entry] = field(default_factory=list)


@dataclass(slots=True)
class Expected:
    """The errors by line (0: an entry that is missing from the file) and code, and the counts.

    `kept` has the external ids of missing entries that can't be removed.
    """

    errors: set[Error] = field(default_factory=set)
    kept: set[str | None] = field(default_factory=set)
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    changes: Changes = field(default_factory=Changes)

    @property
    def failed_lines(self) -> set[int]:
        return {line for line, _ in self.errors if line}

    @property
    def failed(self) -> int:
        return len(self.failed_lines) + len(self.kept)


@dataclass(slots=True)
class _Planned:
    line: int
    row: Row
    entry: Entry | None
    same: bool
    is_agreed: bool


class BatchRules(CommonRules):
    """The rules of files."""

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self.sent: dict[str, Sent] = {}

    def before_person_changes(self, entry: Entry, *, deleted: bool) -> None:
        if entry.external_id is None:
            return
        known = self.sent.get(entry.external_id)
        values = known.values if known else entry.values
        self.sent[entry.external_id] = Sent(entry.person, values, deleted)

    def upload(
        self, rows: list[Row], complete: tuple[date, date] | None, *, skip: bool
    ) -> Expected:
        expected = Expected()
        by_id = {e.external_id: e for e in self.state.entries.values() if e.external_id}
        planned = [
            self._plan(line, row, by_id.get(row.external_id), expected)
            for line, row in enumerate(rows, 1)
            if not row.deleted
        ]
        deletions = [(line, row) for line, row in enumerate(rows, 1) if row.deleted]
        removals = [
            (line, entry) for line, row in deletions if (entry := by_id.get(row.external_id))
        ]
        if complete is not None:
            removals += self._missing(planned, deletions, complete)
        self._check_removals(removals, expected)
        if skip:
            planned, removals = self._valid(planned, removals, expected)
            self._fill_days(planned, [entry for _, entry in removals], expected)
            planned, removals = self._valid(planned, removals, expected)
            deletions = [each for each in deletions if each[0] not in expected.failed_lines]
        elif not expected.errors:
            self._check_days(planned, [entry for _, entry in removals], expected)
        if skip or not expected.errors:
            self._apply(planned, removals, deletions, expected)
        return expected

    def _valid(
        self,
        planned: list[_Planned],
        removals: list[tuple[int, Entry]],
        expected: Expected,
    ) -> tuple[list[_Planned], list[tuple[int, Entry]]]:
        """The rows without an error, and the entries that can be removed."""
        failed = expected.failed_lines
        return (
            [each for each in planned if each.line not in failed],
            [
                (line, entry)
                for line, entry in removals
                if line not in failed and (line or entry.external_id not in expected.kept)
            ],
        )

    def _plan(self, line: int, row: Row, entry: Entry | None, expected: Expected) -> _Planned:
        values = entry.values if entry else None
        is_agreed = values is not None and _values(row, bool(values[4])) == values
        same, owner = is_agreed, entry.person if entry else None
        sent = self.sent.get(row.external_id)
        if sent is not None:
            owner = owner or sent.person
            if _values(row, bool(sent.values[4])) == sent.values:
                same = True
            elif not is_agreed and owner == row.person and self.state.people[owner].uploads:
                expected.errors.add((line, "changed_by_person"))
        planned = _Planned(line, row, entry, same, is_agreed)
        self._check_row(planned, owner, expected)
        return planned

    def _check_row(self, planned: _Planned, owner: str | None, expected: Expected) -> None:
        line, row, entry = planned.line, planned.row, planned.entry
        if error := self._person_error(planned, owner):
            expected.errors.add((line, error))
        if planned.same:
            return
        for code in self._project_errors(row, entry):
            expected.errors.add((line, code))
        is_named = self.state.people[row.person].uploads
        if date_error := self._date_error(row, entry, named=is_named):
            expected.errors.add((line, date_error))

    def _person_error(self, planned: _Planned, owner: str | None) -> str | None:
        row = planned.row
        person = self.state.people[row.person]
        if not person.uploads and not (planned.same and owner == row.person):
            return "unknown_person"
        if owner is not None and owner != row.person:
            return "other_person"
        has_left = not person.active and (person.until is None or row.day > person.until)
        return "inactive_person" if has_left and not planned.same else None

    def _project_errors(self, row: Row, entry: Entry | None) -> list[str]:
        project = self.state.projects.get(row.project)
        if project is None:
            return ["unknown_project"]
        errors = []
        stays = entry is not None and (entry.project, entry.day) == (row.project, row.day)
        shrinks = stays and entry is not None and row.minutes <= entry.minutes
        if not project.active and not shrinks:
            errors.append("inactive_project")
        if project.note_required and not row.note:
            errors.append("note_required")
        return errors

    def _date_error(self, row: Row, entry: Entry | None, *, named: bool) -> str | None:
        if entry is not None and (lock := self.lock(entry.person, entry.day)):
            return lock
        state = self.state.sheet(row.person, row.day).state
        if named and state != "open":
            return state
        if self.state.is_closed(row.day):
            return "closed"
        is_late = row.day > self.state.latest_today + DAY * AHEAD
        return "too_far_ahead" if is_late else None

    def _missing(
        self,
        planned: list[_Planned],
        deletions: list[tuple[int, Row]],
        complete: tuple[date, date],
    ) -> list[tuple[int, Entry]]:
        """Entries of the people in the file on these days that it no longer has."""
        named = {each.row.person for each in planned}
        people = {
            name
            for name in named
            if self.state.people[name].uploads and self.state.people[name].active
        }
        in_file = {each.row.external_id for each in planned}
        in_file |= {row.external_id for _, row in deletions}
        return [
            (0, entry)
            for entry in self.state.entries.values()
            if entry.external_id is not None
            and entry.person in people
            and complete[0] <= entry.day <= complete[1]
            and entry.external_id not in in_file
        ]

    def _check_removals(self, removals: list[tuple[int, Entry]], expected: Expected) -> None:
        for line, entry in removals:
            codes = []
            if line and not self.state.people[entry.person].uploads:
                codes.append("unknown_person")
            if entry.external_id in self.sent:
                codes.append("changed_by_person")
            if lock := self.lock(entry.person, entry.day):
                codes.append(lock)
            expected.errors |= {(line, code) for code in codes}
            if codes and not line:
                expected.kept.add(entry.external_id)

    def _check_days(
        self, planned: list[_Planned], removals: list[Entry], expected: Expected
    ) -> None:
        minutes: dict[tuple[str, date], int] = defaultdict(int)
        for each in planned:
            if not each.same:
                minutes[each.row.person, each.row.day] += each.row.minutes
        gone = removals + [each.entry for each in planned if each.entry and not each.same]
        for (person, day), added in minutes.items():
            left = sum(e.minutes for e in gone if (e.person, e.day) == (person, day))
            if self.state.minutes_on(person, day) - left + added > FULL_DAY:
                expected.errors.add((-1, "day_full"))

    def _fill_days(
        self, planned: list[_Planned], removals: list[Entry], expected: Expected
    ) -> None:
        """Row by row: one that is too much is left out. Removals make room, and a row for itself;
        others may be left out, and make none."""
        minutes: dict[tuple[str, date], int] = {}
        for each in planned:
            if each.same:
                continue
            row, entry = each.row, each.entry
            key = row.person, row.day
            if key not in minutes:
                gone = sum(e.minutes for e in removals if (e.person, e.day) == key)
                minutes[key] = self.state.minutes_on(*key) - gone
            own = entry.minutes if entry is not None and entry.day == row.day else 0
            if row.minutes > own and minutes[key] - own + row.minutes > FULL_DAY:
                expected.errors.add((each.line, "day_full"))
            else:
                minutes[key] += row.minutes - own

    def _apply(
        self,
        planned: list[_Planned],
        removals: list[tuple[int, Entry]],
        deletions: list[tuple[int, Row]],
        expected: Expected,
    ) -> None:
        for each in planned:
            if each.is_agreed:
                self.sent.pop(each.row.external_id, None)
        for _, row in deletions:
            sent = self.sent.get(row.external_id)
            if sent is not None and sent.deleted:
                del self.sent[row.external_id]
        gone = {id(entry) for _, entry in removals}
        expected.removed = len(gone)
        expected.unchanged = sum(each.same for each in planned)
        expected.unchanged += len(deletions) - sum(line > 0 for line, _ in removals)
        for _, entry in removals:
            del self.state.entries[entry.id]
            expected.changes.removed.append(replace(entry, version=entry.version + 1))
        for each in planned:
            if not each.same:
                self._write(each, expected)

    def _write(self, planned: _Planned, expected: Expected) -> None:
        row, entry = planned.row, planned.entry
        billable = row.billable
        if billable is None:
            billable = self.state.projects[row.project].billable(row.day)
        if entry is None:
            expected.created += 1
            # The server gives the id; the driver finds it by the external id.
            key = f"uploaded {row.external_id}"
            self.state.entries[key] = Entry(
                key, row.person, row.day, row.project, row.minutes, row.note, billable,
                row.external_id,
            )  # fmt: skip
            expected.changes.created.append(self.state.entries[key])
            return
        expected.updated += 1
        entry.version += 1
        expected.changes.updated.append(replace(entry))
        entry.day, entry.project, entry.minutes = row.day, row.project, row.minutes
        entry.note, entry.billable = row.note, billable


def _values(row: Row, known_billable: bool) -> tuple[object, ...]:
    billable = known_billable if row.billable is None else row.billable
    return row.day, row.project, row.minutes, row.note, billable
