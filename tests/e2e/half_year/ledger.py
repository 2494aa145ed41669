"""The expected state, to compare the services with."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date

from libs.rules.calendar import Week


@dataclass(slots=True)
class Hours:
    """An entry as it should be."""

    person: str
    day: date
    project: str
    minutes: int
    billable: bool


@dataclass(slots=True)
class Ledger:
    """Entries by id, and the weeks that were approved late or reopened."""

    entries: dict[str, Hours] = field(default_factory=dict)
    late: set[tuple[str, str]] = field(default_factory=set)

    def of_weeks(self) -> dict[tuple[str, str], tuple[int, int]]:
        """(minutes, billable minutes) of each person and week."""
        totals: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
        for hours in self.entries.values():
            total = totals[hours.person, str(Week.of(hours.day))]
            total[0] += hours.minutes
            total[1] += hours.minutes if hours.billable else 0
        return {key: (total, billable) for key, (total, billable) in totals.items()}

    def of_customers(self) -> dict[tuple[str, str], tuple[int, int]]:
        """(minutes, billable minutes) of each month and customer."""
        totals: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
        for hours in self.entries.values():
            customer = customer_of(hours.project, hours.day)
            total = totals[f"{hours.day:%Y-%m}", customer]
            total[0] += hours.minutes
            total[1] += hours.minutes if hours.billable else 0
        return {key: (total, billable) for key, (total, billable) in totals.items()}


MOVED = date(2026, 4, 1)
"""From this day on another customer pays for WEB."""


def customer_of(project: str, day: date) -> str:
    if project == "WEB":
        return "Huge Company" if day >= MOVED else "Big Company"
    return {"SHOP": "Small Company", "INTERNAL": "ExampleCo"}[project]
