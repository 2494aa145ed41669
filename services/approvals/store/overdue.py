"""Weeks that are over and not submitted, but for those in which the person was off."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

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

WITHOUT_TARGET = "SELECT monday FROM weeks_off WHERE weeks_off.person = person.person"
WITH_HOURS = """
    SELECT monday FROM approvals WHERE approvals.person = person.person AND total_minutes > 0
"""
OFF = f"{WITHOUT_TARGET} EXCEPT {WITH_HOURS}"

# Conditions on `person` and `week`. They look up one week, however many the person has. IN and not
# EXISTS, for which the planner may read all weeks of everybody into a hash table.
IS_COVERED = f"week.monday IN ({COVERED} AND monday = week.monday)"
IS_OFF = f"""(
    week.monday IN ({WITHOUT_TARGET} AND monday = week.monday)
    AND week.monday NOT IN ({WITH_HOURS} AND monday = week.monday)
)"""

# The overdue weeks of `person`, computed from what is known: of those whose stored weeks are out of
# date (services/approvals/store/unsubmitted.py).
COMPUTED = f"""
    SELECT person.person, week.monday
    FROM team AS person
    CROSS JOIN LATERAL (
        ((({EXPECTED}) EXCEPT ({OFF})) UNION ({LEFT_OPEN})) EXCEPT ({COVERED})
    ) AS week (monday)
    WHERE person.person IN (SELECT person FROM unsubmitted_changes)
"""

IS_UP_TO_DATE = "NOT EXISTS (SELECT FROM unsubmitted_changes AS change WHERE change.person = {})"

# The stored ranges of weeks of a team that begin by {last}.
OF_TEAM = f"""
    SELECT known.person, known.monday, known.until
    FROM team JOIN unsubmitted_weeks AS known ON known.person = team.person
    WHERE known.monday <= {{last}} AND {IS_UP_TO_DATE.format("team.person")}
"""
OF_EVERYBODY = f"""
    SELECT known.person, known.monday, known.until
    FROM unsubmitted_weeks AS known
    WHERE known.person <> $1 AND known.monday <= {{last}} AND {IS_UP_TO_DATE.format("known.person")}
"""
# Those that a page can need: as many as it has rows of those that begin after the key, and all that
# began before and go on after it.
PAGE_OF_EVERYBODY = f"""
    (
        {OF_EVERYBODY} AND (known.monday, known.person) > ({{monday}}, {{person}})
        ORDER BY known.monday, known.person LIMIT {{limit}}
    ) UNION ALL (
        {OF_EVERYBODY} AND (known.monday, known.person) <= ({{monday}}, {{person}})
        AND known.until > known.monday AND known.until >= {{monday}} AND known.monday < {{last}}
    )
"""

LIST = f"""
    SELECT week.monday, person.person, person.name, {COLUMNS_OF_MANAGER}
    FROM (
        SELECT week.person, week.monday
        FROM (
            SELECT known.person, each.monday::date AS monday
            FROM ({{stored}}) AS known CROSS JOIN LATERAL generate_series(
                greatest(known.monday, date_trunc('week', {{monday}}::date)::date),
                least(known.until, {{last}}::date),
                interval '7 days'
            ) AS each (monday)
            UNION ALL
            {COMPUTED}
        ) AS week
        WHERE (week.monday, week.person) > ({{monday}}::date, {{person}})
        ORDER BY week.monday, week.person
        LIMIT {{limit}}
    ) AS week
    JOIN people AS person ON person.person = week.person
    {MANAGED}
    ORDER BY week.monday, week.person
"""

_WEEKS = "((least({0}.until, {{last}}::date) - {0}.monday) / 7 + 1)"
COUNT_OF_TEAM = f"""
    SELECT (SELECT coalesce(sum({_WEEKS.format("known")}), 0) FROM ({OF_TEAM}) AS known)
        + (SELECT count(*) FROM ({COMPUTED}) AS week)
"""
# Of everybody together, less the caller and those whose stored weeks are out of date.
COUNT_OF_EVERYBODY = f"""
    SELECT
        (
            SELECT coalesce(sum(total.people * {_WEEKS.format("total")}), 0)
            FROM unsubmitted_totals AS total WHERE total.monday <= {{last}}
        ) - (
            SELECT coalesce(sum({_WEEKS.format("known")}), 0)
            FROM (SELECT $1 AS person UNION SELECT person FROM unsubmitted_changes) AS other
            JOIN unsubmitted_weeks AS known ON known.person = other.person
            WHERE known.monday <= {{last}}
        ) + (SELECT count(*) FROM ({COMPUTED}) AS week)
"""


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
    statement, arguments = list_statement(filter_)
    return [
        OverdueWeek(Week(record["monday"]), record["person"], record["name"], manager_of(record))
        for record in await connection.fetch(statement, *arguments)
    ]


def list_statement(filter_: OverdueFilter) -> tuple[str, list[Any]]:
    """The statement of a page, and its arguments."""
    monday, person = max((filter_.monday, filter_.person), (filter_.first.monday, ""))
    stored = PAGE_OF_EVERYBODY if filter_.caller.administers else OF_TEAM
    return _statement(
        LIST.replace("{stored}", stored),
        filter_.caller,
        filter_.today,
        first=filter_.first.monday,
        last=filter_.last.monday,
        monday=monday,
        person=person,
        limit=filter_.limit,
    )


async def count_overdue(connection: asyncpg.Connection, caller: Caller, today: Today) -> int:
    """The number of overdue weeks of those the caller approves for."""
    statement, arguments = count_statement(caller, today)
    count: int = await connection.fetchval(statement, *arguments)
    return count


def count_statement(caller: Caller, today: Today) -> tuple[str, list[Any]]:
    """The statement that counts the weeks until today, and its arguments."""
    count = COUNT_OF_EVERYBODY if caller.administers else COUNT_OF_TEAM
    first, last = FIRST_WEEK.monday, today.last_week.monday
    return _statement(count, caller, today, first=first, last=last)


def _statement(template: str, caller: Caller, today: Today, **values: Any) -> tuple[str, list[Any]]:
    """Put the team before the statement and number its parameters after those of the team."""
    team, arguments = team_of(caller, today)
    numbers = {name: f"${len(arguments) + 1 + place}" for place, name in enumerate(values)}
    return team + template.format(**numbers), [*arguments, *values.values()]


async def save_left_open(connection: asyncpg.Connection, weeks: Iterable[LeftOpenWeek]) -> None:
    """Save weeks that leavers left open."""
    arguments = [(row.person, row.week.monday, row.total_minutes) for row in weeks]
    await connection.executemany(SAVE_LEFT_OPEN, arguments)


async def delete_left_open(
    connection: asyncpg.Connection, weeks: Collection[tuple[str, Week]]
) -> None:
    """Forget what was left open of these weeks: they are submitted, which says more."""
    people = [person for person, _ in weeks]
    mondays = [str(week.monday) for _, week in weeks]
    await connection.execute(DELETE_LEFT_OPEN, people, mondays)
