"""Days off of several people, for pages that show people by weeks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from libs.rules.calendar import Week
from portal.api_client import Api, ApiProblem, ApiUnavailable, gather_calls

# A page waits no longer for what it can do without.
MAX_SECONDS = 3.0
WORKDAYS = 5

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class DaysOff:
    """The part of an absence that lies in a week, without its weekend if it begins before that."""

    kind: str
    first: date
    last: date
    is_half: bool

    @property
    def is_all_week(self) -> bool:
        """Whether the days cover every working day of a week."""
        return (self.last - self.first).days + 1 >= WORKDAYS


@dataclass(slots=True)
class Absences:
    """Absences by person, and whether some are missing.

    `are_hidden`: the API does not show the reader those of some people, for example of those the
    reader stands in for. `is_whole`: every other one could be read.
    """

    by_person: dict[str, list[Json]]
    is_whole: bool = True
    are_hidden: bool = False


async def read_absences(api: Api, people: Iterable[str], first: date, last: date) -> Absences:
    """The absences of people that touch the days. The API lists those of one person per call."""
    requested = list(people)
    found: dict[str, list[Json]] = {}
    hidden: set[str] = set()

    async def read(person: str) -> None:
        try:
            found[person] = await api.get_all(
                "/v1/absences", person=person, from_=first.isoformat(), to=last.isoformat()
            )
        except ApiProblem as problem:
            if problem.status in (403, 404):
                hidden.add(person)
        except ApiUnavailable:
            return

    try:
        async with asyncio.timeout(MAX_SECONDS):
            await gather_calls(read(person) for person in requested)
    except TimeoutError:
        pass
    is_whole = len(found) + len(hidden) == len(requested)
    return Absences(found, is_whole=is_whole, are_hidden=bool(hidden))


def days_off_in(week: Week, absences: Iterable[Json]) -> list[DaysOff]:
    """The days off that lie in a week, earliest first."""
    found = []
    friday = week.monday + timedelta(days=WORKDAYS - 1)
    for absence in absences:
        first = max(date.fromisoformat(absence["from"]), week.monday)
        last = min(date.fromisoformat(absence["to"]), week.sunday)
        if first > last:
            continue
        if first <= friday < last:
            last = friday
        found.append(DaysOff(absence["kind"], first, last, absence["portion"] < 1))
    return sorted(found, key=lambda one: one.first)
