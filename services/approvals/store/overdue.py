"""Weeks that are over and for which nothing stands submitted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import asyncpg

from libs.rules.calendar import Week
from services.approvals.model import (
    Caller,
    Manager,
    Today,
)
from services.approvals.store.people import COLUMNS_OF_MANAGER, MANAGED, manager_of, team_of

# Nobody owes weeks from before the first that is known of them. What was withdrawn, rejected or
# reopened is with the person again.
MISSING = """
    FROM unnest({weeks}::text[]::date[]) AS week (monday)
    CROSS JOIN team AS person
    {joined}
    WHERE person.active
      AND week.monday >= least(
          person.since, (SELECT min(monday) FROM approvals WHERE approvals.person = person.person)
      )
      AND NOT EXISTS (
          SELECT FROM approvals
          WHERE approvals.person = person.person AND approvals.monday = week.monday
            AND (state = 'pending' OR (state = 'approved' AND NOT reopened))
      )
"""

LIST = f"""
    SELECT week.monday, person.person, person.name, {COLUMNS_OF_MANAGER}
    {MISSING}
      AND (week.monday, person.person) > ({{monday}}, {{person}})
    ORDER BY week.monday, person.person
    LIMIT {{limit}}
"""

COUNT = f"SELECT count(*) {MISSING}"


@dataclass(frozen=True, slots=True)
class Missing:
    """A person's week that lies with the caller once it is submitted."""

    week: Week
    person: str
    person_name: str
    manager: Manager | None


@dataclass(frozen=True, slots=True)
class MissingFilter:
    """What a list asks for: of `weeks`, after the key (`monday`, `person`)."""

    caller: Caller
    today: Today
    weeks: tuple[Week, ...]
    monday: date
    person: str
    limit: int


async def list_missing(connection: asyncpg.Connection, wanted: MissingFilter) -> list[Missing]:
    """Oldest week first."""
    team, arguments = team_of(wanted.caller, wanted.today)
    names = ("weeks", "monday", "person", "limit")
    first = len(arguments) + 1
    numbers = {name: f"${first + place}" for place, name in enumerate(names)}
    arguments += [_mondays(wanted.weeks), wanted.monday, wanted.person, wanted.limit]
    statement = team + LIST.format(joined=MANAGED, **numbers)
    return [
        Missing(Week(record[0]), record[1], record[2], manager_of(record[3:]))
        for record in await connection.fetch(statement, *arguments)
    ]


async def count_missing(connection: asyncpg.Connection, caller: Caller, today: Today) -> int:
    team, arguments = team_of(caller, today)
    statement = team + COUNT.format(joined="", weeks=f"${len(arguments) + 1}")
    count: int = await connection.fetchval(statement, *arguments, _mondays(today.overdue_weeks))
    return count


def _mondays(weeks: tuple[Week, ...]) -> list[str]:
    return [str(week.monday) for week in weeks]
