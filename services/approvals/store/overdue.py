"""Weeks that are over and not submitted, but for those in which the person was off."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date

import asyncpg

from libs.rules.calendar import Week
from services.approvals.model import Caller, Manager, Today
from services.approvals.store.people import COLUMNS_OF_MANAGER, MANAGED, manager_of, team_of

# The weeks of an active person, from the first that is known of them, and inside the days at work.
EXPECTED = """
    SELECT generate_series(
        greatest(
            least(person.since, (
                SELECT min(monday) FROM approvals WHERE approvals.person = person.person
            )),
            date_trunc('week', person.first_day)::date,
            {first}::date
        ),
        least({last}::date, person.last_day),
        interval '7 days'
    )::date AS monday
    WHERE person.active
"""

# The weeks with hours of an inactive person. The hours that entries published of an open week are
# newer than those of a submission, which deletes them.
LEFT_OPEN = """
    SELECT monday FROM left_open_weeks AS known
    WHERE known.person = person.person AND NOT person.active AND total_minutes > 0
      AND monday BETWEEN {first}::date AND {last}::date
    UNION ALL
    SELECT monday FROM approvals AS known
    WHERE known.person = person.person AND NOT person.active AND total_minutes > 0
      AND monday BETWEEN {first}::date AND {last}::date
      AND NOT EXISTS (
          SELECT FROM left_open_weeks AS newer
          WHERE newer.person = known.person AND newer.monday = known.monday
      )
"""

COVERED = """
    SELECT monday FROM approvals
    WHERE approvals.person = person.person
      AND (state = 'pending' OR (state = 'approved' AND NOT reopened))
"""

# No target is left, and no hours are known.
OFF = """
    SELECT monday FROM weeks_off WHERE weeks_off.person = person.person
    EXCEPT
    SELECT monday FROM approvals WHERE approvals.person = person.person AND total_minutes > 0
"""

# Conditions on `person` and `week`.
IS_COVERED = f"week.monday IN ({COVERED})"
IS_OFF = f"week.monday IN ({OFF})"

MISSING = f"""
    FROM team AS person
    {{joined}}
    CROSS JOIN LATERAL (
        ((({EXPECTED}) EXCEPT ({OFF})) UNION ({LEFT_OPEN})) EXCEPT ({COVERED})
    ) AS week (monday)
"""

LIST = f"""
    SELECT week.monday, person.person, person.name, {COLUMNS_OF_MANAGER}
    {MISSING}
    WHERE (week.monday, person.person) > ({{monday}}, {{person}})
    ORDER BY week.monday, person.person
    LIMIT {{limit}}
"""

COUNT = f"SELECT count(*) {MISSING}"


SAVE_LEFT_OPEN = """
    INSERT INTO left_open_weeks (person, monday, total_minutes) VALUES ($1, $2, $3)
    ON CONFLICT (person, monday) DO UPDATE SET total_minutes = excluded.total_minutes
"""

DELETE_LEFT_OPEN = """
    DELETE FROM left_open_weeks AS known
    USING unnest($1::text[], $2::text[]::date[]) AS given (person, monday)
    WHERE known.person = given.person AND known.monday = given.monday
"""


@dataclass(frozen=True, slots=True)
class LeftOpenWeek:
    """An open week with hours of an inactive person."""

    person: str
    week: Week
    total_minutes: int


@dataclass(frozen=True, slots=True)
class OverdueWeek:
    """A person's week that the caller decides once it is submitted."""

    week: Week
    person: str
    person_name: str
    manager: Manager | None


@dataclass(frozen=True, slots=True)
class OverdueFilter:
    """Which weeks, from `first` to `last`, after the key (`monday`, `person`)."""

    caller: Caller
    today: Today
    first: Week
    last: Week
    monday: date
    person: str
    limit: int


FIRST_WEEK = Week(date(1970, 1, 5))


async def list_overdue(connection: asyncpg.Connection, filter_: OverdueFilter) -> list[OverdueWeek]:
    """Oldest week first."""
    team, arguments = team_of(filter_.caller, filter_.today)
    names = ("first", "last", "monday", "person", "limit")
    numbers = {name: f"${len(arguments) + 1 + place}" for place, name in enumerate(names)}
    arguments += [
        filter_.first.monday,
        filter_.last.monday,
        filter_.monday,
        filter_.person,
        filter_.limit,
    ]
    records = await connection.fetch(team + LIST.format(joined=MANAGED, **numbers), *arguments)
    return [
        OverdueWeek(Week(record["monday"]), record["person"], record["name"], manager_of(record))
        for record in records
    ]


async def save_left_open(connection: asyncpg.Connection, weeks: Iterable[LeftOpenWeek]) -> None:
    arguments = [(row.person, row.week.monday, row.total_minutes) for row in weeks]
    await connection.executemany(SAVE_LEFT_OPEN, arguments)


async def delete_left_open(
    connection: asyncpg.Connection, weeks: Collection[tuple[str, Week]]
) -> None:
    """Forget what was left open of these weeks: they are submitted, which says more."""
    people = [person for person, _ in weeks]
    mondays = [str(week.monday) for _, week in weeks]
    await connection.execute(DELETE_LEFT_OPEN, people, mondays)


async def count_overdue(connection: asyncpg.Connection, caller: Caller, today: Today) -> int:
    team, arguments = team_of(caller, today)
    first, last = (f"${len(arguments) + place}" for place in (1, 2))
    statement = team + COUNT.format(joined="", first=first, last=last)
    count: int = await connection.fetchval(
        statement, *arguments, FIRST_WEEK.monday, today.last_week.monday
    )
    return count
