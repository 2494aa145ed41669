"""Weeks: their state, their totals, their history."""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import asyncpg

from libs.rules.calendar import Week
from libs.web.responses import encode_json
from services.entries.model import (
    State,
    Timesheet,
)

# Arrays are sent and read as text[]: for any other type asyncpg asks PostgreSQL on each connection
# first (tests/api/test_statements.py).
COLUMNS_OF_WEEK = """
    person, monday, state, minutes::text[], submission_id, reason, version, targets::text[], late
"""

READ = f"SELECT {COLUMNS_OF_WEEK} FROM weeks WHERE person = $1 AND monday = $2"

# A week without a row cannot be locked.
ENSURE = """
    INSERT INTO weeks (person, monday, version) VALUES ($1, $2, 0)
    ON CONFLICT (person, monday) DO NOTHING
"""

READ_FOR_CHANGE = f"{READ} FOR UPDATE"

# Weeks are always locked in the order of the key, so that transactions do not deadlock.
LOCK_SEVERAL = f"""
    SELECT {COLUMNS_OF_WEEK}
    FROM weeks JOIN unnest($1::text[], $2::text[]::date[]) AS given (person, monday)
        USING (person, monday)
    ORDER BY person, monday
    FOR UPDATE OF weeks
"""

LIST = f"""
    SELECT {COLUMNS_OF_WEEK} FROM weeks
    WHERE person = $1 AND monday BETWEEN $2 AND $3
"""

# A row of version 0 was never written to; it only exists to be locked.
LIST_OPEN = """
    SELECT person, monday, total
    FROM weeks CROSS JOIN LATERAL (SELECT sum(minute) FROM unnest(minutes) AS minute) AS sum (total)
    WHERE person = ANY ($1::text[]) AND state = 'open' AND version > 0
    ORDER BY person, monday
"""

LIST_LEFT_OPEN = """
    SELECT week.person, week.monday, total
    FROM unnest($1::text[], $2::text[]::date[]) AS given (person, monday)
    JOIN weeks AS week USING (person, monday)
    JOIN people ON people.person = week.person AND NOT people.active
    CROSS JOIN LATERAL (SELECT sum(minute) FROM unnest(week.minutes) AS minute) AS sum (total)
    WHERE week.state = 'open'
    ORDER BY week.person, week.monday
"""

PROJECT_TOTALS = """
    SELECT monday, project, sum(minutes)::integer AS minutes
    FROM entries
    WHERE person = $1 AND date BETWEEN $2 AND $3
    GROUP BY monday, project
    ORDER BY monday, project
"""

PROJECT_TOTALS_OF_SEVERAL = """
    SELECT entry.person, entry.monday, entry.project, sum(entry.minutes)::integer AS minutes
    FROM unnest($1::text[], $2::text[]::date[]) AS given (person, monday)
    JOIN entries AS entry
        ON entry.person = given.person
        AND entry.date BETWEEN given.monday AND given.monday + 6
    GROUP BY entry.person, entry.monday, entry.project
    ORDER BY entry.person, entry.monday, entry.project
"""

SAVE = f"""
    UPDATE weeks
    SET state = $3, submission_id = $4, reason = $5, late = $6, targets = $7::text[]::integer[],
        version = version + 1, updated_at = now()
    WHERE person = $1 AND monday = $2
    RETURNING {COLUMNS_OF_WEEK}
"""

COLUMNS_OF_STATE = ("person", "monday", "state", "submission_id", "reason", "late")

SAVE_DECIDED = """
    UPDATE weeks
    SET state = decided.state, submission_id = decided.submission_id, reason = decided.reason,
        late = decided.late,
        targets = CASE WHEN decided.state = 'open' THEN NULL ELSE weeks.targets END,
        version = weeks.version + 1, updated_at = now()
    FROM json_populate_recordset(NULL::weeks, $1) AS decided
    WHERE weeks.person = decided.person AND weeks.monday = decided.monday
"""

COLUMNS_OF_STEP = (
    *("person", "monday", "event", "actor"),
    *("reason", "submission_id", "total_minutes"),
)

ADD_HISTORY = f"""
    INSERT INTO week_history ({", ".join(COLUMNS_OF_STEP)})
    VALUES ($1, $2, $3, $4, $5, $6, $7)
"""

READ_HISTORY = """
    SELECT event, at, actor, reason, submission_id, total_minutes
    FROM week_history
    WHERE person = $1 AND monday = $2
    ORDER BY number
"""

READ_DECIDED = """
    SELECT submission_id
    FROM week_history JOIN unnest($1::text[], $2::text[]::date[]) AS given (person, monday)
        USING (person, monday)
    WHERE event IN ('approved', 'rejected')
"""

PersonsWeek = tuple[str, Week]


@dataclass(frozen=True, slots=True)
class Step:
    """A line of a week's history."""

    event: str
    at: datetime
    actor: str
    reason: str | None
    submission_id: UUID | None
    total_minutes: int


async def read_timesheet(connection: asyncpg.Connection, person: str, week: Week) -> Timesheet:
    """The week's timesheet; one that was never stored is open."""
    record = await connection.fetchrow(READ, person, week.monday)
    return _timesheet(record) if record else Timesheet(person, week)


async def lock_timesheet(connection: asyncpg.Connection, person: str, week: Week) -> Timesheet:
    """Read the week and lock it, against entries and decisions, until the transaction ends."""
    record = await connection.fetchrow(READ_FOR_CHANGE, person, week.monday)
    if record is None:
        await connection.execute(ENSURE, person, week.monday)
        record = await connection.fetchrow(READ_FOR_CHANGE, person, week.monday)
    return _timesheet(record)


async def lock_timesheets(
    connection: asyncpg.Connection, given: Set[PersonsWeek]
) -> dict[PersonsWeek, Timesheet]:
    """As `lock_timesheet`, for several. One without a row is included, but not locked."""
    records = await connection.fetch(LOCK_SEVERAL, *_columns(given))
    written = {(sheet.person, sheet.week): sheet for sheet in map(_timesheet, records)}
    return {key: written.get(key) or Timesheet(*key) for key in given}


async def list_timesheets(
    connection: asyncpg.Connection, person: str, first: Week, last: Week
) -> dict[Week, Timesheet]:
    """The stored timesheets from the first week to the last."""
    records = await connection.fetch(LIST, person, first.monday, last.monday)
    return {sheet.week: sheet for sheet in map(_timesheet, records)}


async def list_open_weeks(
    connection: asyncpg.Connection, people: Set[str]
) -> list[tuple[str, Week, int]]:
    """The person, the week and the minutes of each open week of these people that was written to;
    no minutes are left where everything was deleted."""
    records = await connection.fetch(LIST_OPEN, list(people))
    return [(record["person"], Week(record["monday"]), record["total"]) for record in records]


async def list_left_open(
    connection: asyncpg.Connection, weeks: Set[PersonsWeek]
) -> list[tuple[str, Week, int]]:
    """The same for those of the weeks that are open and of an inactive person."""
    records = await connection.fetch(LIST_LEFT_OPEN, *_columns(weeks))
    return [(record["person"], Week(record["monday"]), record["total"]) for record in records]


async def total_by_project(
    connection: asyncpg.Connection, person: str, since: date, until: date
) -> dict[Week, dict[str, int]]:
    """Minutes of each project in each week between the days."""
    totals: dict[Week, dict[str, int]] = {}
    for monday, project, minutes in await connection.fetch(PROJECT_TOTALS, person, since, until):
        totals.setdefault(Week(monday), {})[project] = minutes
    return totals


async def total_weeks_by_project(
    connection: asyncpg.Connection, weeks: Set[PersonsWeek]
) -> dict[PersonsWeek, dict[str, int]]:
    """As `total_by_project`, for weeks of several people."""
    totals: dict[PersonsWeek, dict[str, int]] = {week: {} for week in weeks}
    records = await connection.fetch(PROJECT_TOTALS_OF_SEVERAL, *_columns(weeks))
    for person, monday, project, minutes in records:
        totals[person, Week(monday)][project] = minutes
    return totals


async def save_timesheet(connection: asyncpg.Connection, sheet: Timesheet) -> Timesheet:
    """Store everything but the minutes, which follow from the entries."""
    targets = None if sheet.targets is None else [_text(minutes) for minutes in sheet.targets]
    record = await connection.fetchrow(SAVE, *_state_of(sheet), targets)
    return _timesheet(record)


async def save_decided(
    connection: asyncpg.Connection, decided: Iterable[tuple[Timesheet, UUID, str, str]]
) -> None:
    """Store weeks as decisions of submissions left them: the event it was, and who decided."""
    rows = list(decided)
    if not rows:
        return
    states = [dict(zip(COLUMNS_OF_STATE, _state_of(sheet), strict=True)) for sheet, *_ in rows]
    await connection.execute(SAVE_DECIDED, encode_json(states).decode())
    await connection.copy_records_to_table(
        "week_history",
        records=[_step_of(sheet, event, actor, id_) for sheet, id_, event, actor in rows],
        columns=COLUMNS_OF_STEP,
    )


async def add_history(
    connection: asyncpg.Connection,
    sheet: Timesheet,
    event: str,
    actor: str,
    submission_id: UUID | None,
) -> None:
    """Add a step to the week's history."""
    await connection.execute(ADD_HISTORY, *_step_of(sheet, event, actor, submission_id))


async def read_history(connection: asyncpg.Connection, person: str, week: Week) -> list[Step]:
    """The week's history, oldest first."""
    return [Step(*record) for record in await connection.fetch(READ_HISTORY, person, week.monday)]


async def read_decided(connection: asyncpg.Connection, weeks: Set[PersonsWeek]) -> frozenset[UUID]:
    """The submissions of these weeks of which a decision took effect."""
    records = await connection.fetch(READ_DECIDED, *_columns(weeks))
    return frozenset(record[0] for record in records)


def _columns(weeks: Set[PersonsWeek]) -> tuple[list[str], list[str]]:
    ordered = list(weeks)
    return [person for person, _ in ordered], [str(week.monday) for _, week in ordered]


def _state_of(sheet: Timesheet) -> tuple[Any, ...]:
    """In the order of `COLUMNS_OF_STATE`, which `SAVE` begins with."""
    return (
        sheet.person,
        sheet.week.monday,
        sheet.state,
        sheet.submission_id,
        sheet.reason,
        sheet.late,
    )


def _step_of(
    sheet: Timesheet, event: str, actor: str, submission_id: UUID | None
) -> tuple[Any, ...]:
    """In the order of `COLUMNS_OF_STEP`."""
    total = sum(sheet.minutes)
    return sheet.person, sheet.week.monday, event, actor, sheet.reason, submission_id, total


def _timesheet(record: asyncpg.Record) -> Timesheet:
    """`record` has `COLUMNS_OF_WEEK`."""
    person, monday, state, minutes, submission_id, reason, version, targets, late = record
    return Timesheet(
        person,
        Week(monday),
        State(state),
        tuple(map(int, minutes)),
        submission_id,
        reason,
        version,
        None if targets is None else tuple(map(_number, targets)),
        late,
    )


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)


def _number(text: str | None) -> int | None:
    return None if text is None else int(text)
