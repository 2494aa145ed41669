"""The filter of a report."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from services.entries.model import State

FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(9998, 12, 31)


@dataclass(frozen=True, slots=True)
class Filters:
    """None selects everything."""

    since: date
    until: date
    state: State | None = None
    project: str | None = None
    person: str | None = None
    customer: str | None = None


@dataclass(frozen=True, slots=True)
class Approvals:
    """The approvals after one event of the feed, up to and including another."""

    after: int
    through: int
