"""People who have not submitted a week."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from libs.rules.calendar import Week, earliest_today, latest_today
from services.entries.calendar import PersonCalendar
from services.entries.model import State
from services.entries.store.calendar import read_calendars
from services.entries.store.people import working_time_of
from services.entries.targets import total_of

# A person is missing in the weeks of the own time here. The open week of somebody who has left
# stays on the list if it has hours, because they are not paid before somebody submits them.
_MISSING = """
    SELECT people.person, people.name, people.manager,
        coalesce(week.state, 'open') AS state,
        coalesce((SELECT sum(day) FROM unnest(week.minutes) AS day), 0)::integer AS total_minutes,
        people.contracts, people.target_minutes, people.since, people.until
    FROM people
    LEFT JOIN weeks AS week ON week.person = people.person AND week.monday = $1
    WHERE coalesce(week.state, 'open') = 'open'
      AND (people.name, people.person) > ($2, $3)
      AND (
          (
              people.active
              AND coalesce(people.since <= $1 + 6, true)
              AND coalesce(people.until >= $1, true)
          )
          OR 0 < ANY (week.minutes)
      )
"""

MISSING = f"""
    {_MISSING}
    ORDER BY people.name, people.person
    LIMIT $4
"""

# The team of $5, and those of managers for whom $5 is the delegate on a day that it is somewhere,
# from $6 to $7.
MISSING_IN_TEAMS = f"""
    {_MISSING}
      AND people.manager IN (
          SELECT $5
          UNION ALL
          SELECT absent.person FROM people AS absent
          WHERE absent.active AND absent.delegate = $5
            AND absent.delegate_from <= $7 AND absent.delegate_to >= $6
      )
      AND people.person <> $5
      AND NOT EXISTS (SELECT FROM people AS self WHERE self.person = $5 AND NOT self.active)
    ORDER BY people.name, people.person
    LIMIT $4
"""


@dataclass(frozen=True, slots=True)
class Missing:
    """A person without a submission of the week."""

    person: str
    name: str
    manager: str | None
    state: State
    total_minutes: int
    target_minutes: int | None


@dataclass(frozen=True, slots=True)
class MissingQuery:
    """People without a submission of the week, after the key (`name`, `person`)."""

    week: Week
    name: str
    person: str
    limit: int


async def list_missing(connection: asyncpg.Connection, query: MissingQuery) -> list[Missing]:
    """A page by name, without those whom holidays and absences left nothing to work or submit."""
    return await _list(connection, MISSING, query)


async def list_missing_in_teams(
    connection: asyncpg.Connection, query: MissingQuery, approver: str, now: datetime
) -> list[Missing]:
    """As `list_missing`, for the people whose weeks the approver may decide now."""
    days = earliest_today(now), latest_today(now)
    return await _list(connection, MISSING_IN_TEAMS, query, approver, *days)


async def _list(
    connection: asyncpg.Connection, statement: str, query: MissingQuery, *arguments: object
) -> list[Missing]:
    """Read on until the page is full: only the calendar knows who was off."""
    found: list[Missing] = []
    key = query.name, query.person
    while len(found) < query.limit:
        records = await connection.fetch(
            statement, query.week.monday, *key, query.limit, *arguments
        )
        working_times = {record["person"]: working_time_of(record) for record in records}
        calendars = await read_calendars(connection, working_times, query.week)
        found += [
            _missing(record, query.week, calendars[record["person"]])
            for record in records
            if record["total_minutes"] or not calendars[record["person"]].is_off(query.week)
        ]
        if len(records) < query.limit:
            break
        key = records[-1]["name"], records[-1]["person"]
    return found[: query.limit]


def _missing(record: asyncpg.Record, week: Week, calendar: PersonCalendar) -> Missing:
    return Missing(
        record["person"],
        record["name"],
        record["manager"],
        State(record["state"]),
        record["total_minutes"],
        total_of(calendar.targets(week.days)),
    )
