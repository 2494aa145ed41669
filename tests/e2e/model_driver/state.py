"""The values of the model: people, projects, entries, weeks and absences.

Written from the contract, and independent of the services' code, so that both do not err alike.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from typing import NamedTuple

import holidays

from libs.rules.calendar import Week

DAY = timedelta(days=1)
DATED = ("name", "customer", "billable")


class Outcome(NamedTuple):
    """A status, and the codes of what is wrong."""

    status: int
    codes: frozenset[str] = frozenset()


def refused(status: int, *codes: str) -> Outcome:
    return Outcome(status, frozenset(codes))


@dataclass(slots=True)
class Entry:
    id: str
    person: str
    day: date
    project: str
    minutes: int
    note: str
    billable: bool
    external_id: str | None = None
    version: int = 1

    @property
    def values(self) -> tuple[object, ...]:
        return self.day, self.project, self.minutes, self.note, self.billable


@dataclass(frozen=True, slots=True)
class Draft:
    """`billable` None is the project's default."""

    day: date
    project: str
    minutes: int
    note: str
    billable: bool | None


@dataclass(slots=True)
class Sheet:
    """A week of a person."""

    state: str = "open"
    submission: str | None = None
    reason: str | None = None
    targets: tuple[int | None, ...] | None = None
    late: bool = False


class Authority(NamedTuple):
    """As what somebody decides a week: `why`, and for which manager."""

    why: str
    acting_for: str | None = None


@dataclass(slots=True)
class Approval:
    person: str
    week: Week
    state: str
    total: int
    target: int | None
    flags: frozenset[str]
    projects: frozenset[str]
    decided_by: str | None = None
    reason: str | None = None
    authority: Authority | None = None


@dataclass(slots=True)
class Absence:
    first: date
    last: date
    kind: str
    portion: float

    @property
    def days(self) -> list[date]:
        return [self.first + DAY * number for number in range((self.last - self.first).days + 1)]


@dataclass(slots=True)
class Contract:
    minutes: tuple[int, ...]
    calendar: str | None


@dataclass(frozen=True, slots=True)
class Delegation:
    """`person` is the delegate on these days, both included."""

    person: str
    since: date
    until: date

    @property
    def days(self) -> int:
        return (self.until - self.since).days + 1


@dataclass(slots=True)
class Person:
    """`known` is the Monday from which weeks are expected."""

    manager: str | None
    known: date
    active: bool = True
    since: date | None = None
    until: date | None = None
    target: int | None = None
    uploads: bool = False
    contracts: dict[date, Contract] = field(default_factory=dict)
    absences: dict[str, Absence] = field(default_factory=dict)
    approved_projects: set[str] = field(default_factory=set)
    delegation: Delegation | None = None

    def contract_on(self, day: date) -> Contract | None:
        begun = [since for since in self.contracts if since <= day]
        return self.contracts[max(begun)] if begun else None

    def is_employed_on(self, day: date) -> bool:
        if self.since is not None and day < self.since:
            return False
        return self.until is None or day <= self.until

    def planned(self, day: date) -> int | None:
        """Minutes before holidays and absences."""
        if not self.is_employed_on(day):
            return None
        contract = self.contract_on(day)
        if contract is not None:
            return contract.minutes[day.weekday()]
        if self.target is None:
            return None
        if day.weekday() > 4:
            return 0
        return self.target // 5 + (1 if day.weekday() < self.target % 5 else 0)

    def portion_off(self, day: date) -> float:
        touching = [each for each in self.absences.values() if each.first <= day <= each.last]
        return min(1.0, sum(each.portion for each in touching))


@dataclass(slots=True)
class Project:
    """The dated fields have a value from each of their days on."""

    active: bool
    note_required: bool
    dated: dict[str, dict[date, object]]

    def value(self, name: str, day: date) -> object:
        values = self.dated[name]
        return values[max(since for since in values if since <= day)]

    def billable(self, day: date) -> bool:
        return bool(self.value("billable", day))

    def change(self, name: str, value: object, since: date) -> None:
        """From that day on, until the day on which the field was to change anyway."""
        values, old = self.dated[name], self.value(name, since)
        values[since] = value
        for later in sorted(day for day in values if day > since):
            if values[later] != old:
                break
            values[later] = value


@cache
def public_holidays(calendar: str, year: int) -> frozenset[date]:
    country, _, part = calendar.partition("-")
    return frozenset(holidays.country_holidays(country, subdiv=part or None, years=year))


@dataclass(slots=True)
class State:
    """Everything, and the clock."""

    today: date
    people: dict[str, Person] = field(default_factory=dict)
    projects: dict[str, Project] = field(default_factory=dict)
    entries: dict[str, Entry] = field(default_factory=dict)
    sheets: dict[tuple[str, Week], Sheet] = field(default_factory=dict)
    approvals: dict[str, Approval] = field(default_factory=dict)
    company_days: set[date] = field(default_factory=set)
    closed: date | None = None

    @property
    def latest_today(self) -> date:
        """The driver's clock stands in the afternoon of `today` in UTC."""
        return self.today + DAY

    @property
    def earliest_today(self) -> date:
        return self.today

    def is_closed(self, day: date) -> bool:
        return self.closed is not None and day <= self.closed

    def sheet(self, person: str, day: date) -> Sheet:
        return self.sheets.get((person, Week.of(day)), Sheet())

    def open_sheet(self, person: str, week: Week) -> Sheet:
        """To be changed."""
        return self.sheets.setdefault((person, week), Sheet())

    def entries_of(self, person: str, days: Iterable[date]) -> list[Entry]:
        chosen = set(days)
        return [
            entry
            for entry in self.entries.values()
            if entry.person == person and entry.day in chosen
        ]

    def minutes_on(self, person: str, day: date) -> int:
        return sum(entry.minutes for entry in self.entries_of(person, [day]))

    def is_holiday(self, person: str, day: date) -> bool:
        contract = self.people[person].contract_on(day)
        calendar = contract.calendar if contract else None
        public = calendar is not None and day in public_holidays(calendar, day.year)
        return public or day in self.company_days

    def targets(self, person: str, week: Week) -> tuple[int | None, ...]:
        """As the calendar has them today."""
        return tuple(self._target(person, day) for day in week.days)

    def _target(self, person: str, day: date) -> int | None:
        planned = self.people[person].planned(day)
        if planned is None:
            return None
        if self.is_holiday(person, day):
            return 0
        return planned - round(planned * self.people[person].portion_off(day))

    def shown_targets(self, person: str, week: Week) -> tuple[int | None, ...]:
        sheet = self.sheets.get((person, week), Sheet())
        if sheet.state == "open":
            return self.targets(person, week)
        return sheet.targets or (None,) * 7

    def is_off(self, person: str, week: Week) -> bool:
        """Whether nothing is left to work."""
        someone = self.people[person]
        if any(self.targets(person, week)):
            return False
        if any(someone.planned(day) for day in week.days):
            return True
        employed = [day for day in week.days if someone.is_employed_on(day)]
        return len(employed) > 0 and all(someone.contract_on(day) for day in employed)

    def has_hours(self, person: str, week: Week) -> bool:
        return bool(self.entries_of(person, week.days))

    def now(self) -> datetime:
        return datetime.combine(self.today, datetime.min.time())


def total(targets: Iterable[int | None]) -> int | None:
    known = [each for each in targets if each is not None]
    return sum(known) if known else None
