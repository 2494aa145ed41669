"""Entries: reading, writing, listing."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

import asyncpg

from libs.postgres.transactions import retry_on_violation
from libs.rules.calendar import Week
from services.entries.model import (
    Draft,
    Entry,
    State,
    Surroundings,
)
from services.entries.store.rules import RULES

COLUMNS = """
    entry.id, entry.person, entry.date, entry.project, entry.task, entry.minutes, entry.note,
    entry.billable, entry.source, entry.external_id, entry.version, entry.created_at,
    entry.updated_at
"""

# A week without a row of its own is open.
SURROUNDED = f"""
    {COLUMNS},
    coalesce(week.state, 'open') AS state,
    (SELECT closed_through FROM periods ORDER BY number DESC LIMIT 1) AS closed_through
"""
JOINED = """
    entries AS entry
    LEFT JOIN weeks AS week ON week.person = entry.person AND week.monday = entry.monday
"""

READ = f"""
    SELECT {SURROUNDED}
    FROM {JOINED}
    WHERE entry.person = $1 AND entry.id = $2
"""

READ_FOR_CHANGE = f"{READ} FOR UPDATE OF entry"

# Newest day first; the key after which the page begins is ($5, $6).
LIST = f"""
    SELECT {SURROUNDED}
    FROM {JOINED}
    WHERE entry.person = $1
      AND entry.date BETWEEN $2 AND $3
      AND (entry.date, entry.id) < ($4, $5)
      AND ($6::text IS NULL OR entry.project = $6)
    ORDER BY entry.date DESC, entry.id DESC
    LIMIT $7
"""

LIST_WEEK = f"""
    SELECT {SURROUNDED}
    FROM {JOINED}
    WHERE entry.person = $1 AND entry.date BETWEEN $2 AND $3
    ORDER BY entry.date, entry.id
"""

SURROUNDINGS = """
    SELECT
        coalesce(week.state, 'open') AS state,
        (SELECT closed_through FROM periods ORDER BY number DESC LIMIT 1) AS closed_through,
        coalesce(week.minutes[extract(isodow FROM asked.date)::integer], 0) AS day_minutes,
        project.active AS project_active,
        project.billable AS project_billable
    FROM (SELECT $1::text AS person, $2::date AS date, $3::text AS project) AS asked
    LEFT JOIN weeks AS week
        ON week.person = asked.person
        AND week.monday = asked.date - (extract(isodow FROM asked.date)::integer - 1)
    LEFT JOIN projects AS project ON project.code = asked.project
"""

INSERT = f"""
    INSERT INTO entries AS entry
        (person, id, date, project, task, minutes, note, billable, source)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    RETURNING {COLUMNS}
"""

# The project's word on billing where the draft has none. One that does not exist is refused anyway.
ADD = f"""
    INSERT INTO entries AS entry
        (person, id, date, project, task, minutes, note, billable, source)
    VALUES (
        $1, $2, $3, $4, $5, $6, $7,
        coalesce($8, (SELECT billable FROM projects WHERE code = $4), false), $9
    )
    ON CONFLICT (person, id) DO NOTHING
    RETURNING {COLUMNS}
"""

UPDATE = f"""
    UPDATE entries AS entry
    SET date = $3, project = $4, task = $5, minutes = $6, note = $7, billable = $8,
        version = version + 1, updated_at = now()
    WHERE person = $1 AND id = $2
    RETURNING {COLUMNS}
"""

DELETE = "DELETE FROM entries WHERE person = $1 AND id = $2"


class EntryInContext(NamedTuple):
    """An entry with what decides whether it can change."""

    entry: Entry
    state: State
    closed_through: date | None


@dataclass(frozen=True, slots=True)
class Place:
    """The surroundings of an entry to be, and what its project bills by default."""

    surroundings: Surroundings
    project_billable: bool


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """What a list asks for: the days from `since` to `until`, after the key (`day`, `id`)."""

    person: str
    since: date
    until: date
    day: date
    id: uuid.UUID
    project: str | None
    limit: int


async def read_entry(
    connection: asyncpg.Connection, person: str, entry_id: uuid.UUID
) -> EntryInContext | None:
    record = await connection.fetchrow(READ, person, entry_id)
    return _entry_in_context(record) if record else None


async def lock_entry(
    connection: asyncpg.Connection, person: str, entry_id: uuid.UUID
) -> EntryInContext | None:
    """The entry, which nobody else changes until the transaction ends."""
    record = await connection.fetchrow(READ_FOR_CHANGE, person, entry_id)
    return _entry_in_context(record) if record else None


async def list_entries(connection: asyncpg.Connection, wanted: EntryFilter) -> list[EntryInContext]:
    records = await connection.fetch(
        LIST,
        wanted.person,
        wanted.since,
        wanted.until,
        wanted.day,
        wanted.id,
        wanted.project,
        wanted.limit,
    )
    return [_entry_in_context(record) for record in records]


async def list_week_entries(
    connection: asyncpg.Connection, person: str, week: Week
) -> list[EntryInContext]:
    """All entries of a week, oldest day first."""
    records = await connection.fetch(LIST_WEEK, person, week.monday, week.sunday)
    return [_entry_in_context(record) for record in records]


async def look_around(connection: asyncpg.Connection, person: str, draft: Draft) -> Place:
    record = await connection.fetchrow(SURROUNDINGS, person, draft.date, draft.project)
    surroundings = Surroundings(
        state=State(record["state"]),
        closed_through=record["closed_through"],
        day_minutes=record["day_minutes"],
        project_active=record["project_active"],
    )
    return Place(surroundings, bool(record["project_billable"]))


async def insert_entry(
    connection: asyncpg.Connection, person: str, entry_id: uuid.UUID, draft: Draft, source: str
) -> Entry:
    with retry_on_violation(RULES):
        record = await connection.fetchrow(INSERT, person, entry_id, *_values(draft), source)
    return entry_of(record)


async def add_entry(
    connection: asyncpg.Connection, person: str, entry_id: uuid.UUID, draft: Draft, source: str
) -> EntryInContext | None:
    """The new entry, by one statement that is guarded by the database alone; None where there is
    one with this id. What could be added lies in an open week and after the closed period."""
    record = await connection.fetchrow(ADD, person, entry_id, *_values(draft), source)
    return EntryInContext(entry_of(record), State.OPEN, None) if record else None


async def update_entry(
    connection: asyncpg.Connection, person: str, entry_id: uuid.UUID, draft: Draft
) -> Entry:
    with retry_on_violation(RULES):
        record = await connection.fetchrow(UPDATE, person, entry_id, *_values(draft))
    return entry_of(record)


async def delete_entry(connection: asyncpg.Connection, person: str, entry_id: uuid.UUID) -> None:
    with retry_on_violation(RULES):
        await connection.execute(DELETE, person, entry_id)


def entry_of(record: asyncpg.Record) -> Entry:
    """The entry in the first thirteen columns, in the order of `COLUMNS`."""
    return Entry._make(record[:13])


_STATES = {state.value: state for state in State}


def _entry_in_context(record: asyncpg.Record) -> EntryInContext:
    return EntryInContext(Entry._make(record[:13]), _STATES[record[13]], record[14])


def _values(draft: Draft) -> tuple[Any, ...]:
    return (
        draft.date,
        draft.project,
        draft.task,
        draft.minutes,
        draft.note,
        draft.billable,
    )
