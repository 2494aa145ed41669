"""Entries: reading, writing, listing."""

from __future__ import annotations

import uuid
from dataclasses import fields
from datetime import date
from typing import Any, NamedTuple

import asyncpg

from libs.postgres.records import assignments, placeholders
from libs.postgres.transactions import retry_on_violation
from libs.rules.calendar import Week
from services.entries.model import (
    Draft,
    Entry,
    EntryContext,
    ProjectRules,
    State,
)
from services.entries.store.rules import RULES

# A tuple is made of the first columns of a record as they are, so both follow the fields.
COLUMNS = ", ".join(f"entry.{field}" for field in Entry._fields)

DRAFT = tuple(field.name for field in fields(Draft))

# A week without a row of its own is open.
IN_CONTEXT = f"""
    {COLUMNS},
    coalesce(week.state, 'open') AS state,
    (SELECT closed_through FROM periods ORDER BY number DESC LIMIT 1) AS closed_through
"""
JOINED = """
    entries AS entry
    LEFT JOIN weeks AS week ON week.person = entry.person AND week.monday = entry.monday
"""

READ = f"""
    SELECT {IN_CONTEXT}
    FROM {JOINED}
    WHERE entry.person = $1 AND entry.id = $2
"""

READ_FOR_CHANGE = f"{READ} FOR UPDATE OF entry"

# Newest day first; the key after which the page begins is ($5, $6).
LIST = f"""
    SELECT {IN_CONTEXT}
    FROM {JOINED}
    WHERE entry.person = $1
      AND entry.date BETWEEN $2 AND $3
      AND (entry.date, entry.id) < ($4, $5)
      AND ($6::text IS NULL OR entry.project = $6)
    ORDER BY entry.date DESC, entry.id DESC
    LIMIT $7
"""

LIST_WEEK = f"""
    SELECT {IN_CONTEXT}
    FROM {JOINED}
    WHERE entry.person = $1 AND entry.date BETWEEN $2 AND $3
    ORDER BY entry.date, entry.id
"""

# A project's billable default as it is on the day.
DEFAULT_BILLABLE = """(
    SELECT version.billable FROM project_versions AS version
    WHERE version.code = {code} AND version.valid_from <= {date}
    ORDER BY version.valid_from DESC
    LIMIT 1
)"""

LIST_DEFAULTS = f"""
    SELECT entry.id, {DEFAULT_BILLABLE.format(code="entry.project", date="entry.date")} AS billable
    FROM entries AS entry
    WHERE entry.person = $1 AND entry.date BETWEEN $2 AND $3
"""

CONTEXT = f"""
    SELECT
        coalesce(week.state, 'open') AS state,
        (SELECT closed_through FROM periods ORDER BY number DESC LIMIT 1) AS closed_through,
        coalesce(week.minutes[extract(isodow FROM given.date)::integer], 0) AS day_minutes,
        project.active,
        {DEFAULT_BILLABLE.format(code="given.project", date="given.date")} AS billable,
        project.note_required
    FROM (SELECT $1::text AS person, $2::date AS date, $3::text AS project) AS given
    LEFT JOIN weeks AS week
        ON week.person = given.person
        AND week.monday = given.date - (extract(isodow FROM given.date)::integer - 1)
    LEFT JOIN projects AS project ON project.code = given.project
"""

# Goes on from the version of an entry that was deleted under this id.
INSERT = f"""
    INSERT INTO entries AS entry (person, id, source, version, {", ".join(DRAFT)})
    SELECT $1, $2, $3, 1 + coalesce(max(deleted.version), 0), {placeholders(DRAFT, first=4)}
    FROM deleted_entries AS deleted
    WHERE deleted.person = $1 AND deleted.id = $2
    RETURNING {COLUMNS}
"""

# Inserts nothing if there is no such project or if it requires a note and there is none. The
# database refuses an id that was deleted: the version has to go on, as `INSERT` does it.
ADD = f"""
    INSERT INTO entries AS entry (person, id, source, {", ".join(DRAFT)})
    SELECT
        $1::text, $2::uuid, $3::text, $4::date, project.code, $6::integer, $7::text, $8::text,
        coalesce($9::boolean, {DEFAULT_BILLABLE.format(code="$5", date="$4")})
    FROM projects AS project
    WHERE project.code = $5 AND (NOT project.note_required OR $8 <> '')
    ON CONFLICT (person, id) DO NOTHING
    RETURNING {COLUMNS}
"""

UPDATE = f"""
    UPDATE entries AS entry
    SET {assignments(DRAFT, first=3)},
        version = version + 1, updated_at = now()
    WHERE person = $1 AND id = $2
    RETURNING {COLUMNS}
"""

SET_ACTOR = "SELECT set_config('timesheets.actor', $1, true)"
DELETE = "DELETE FROM entries WHERE person = $1 AND id = $2"


class EntryInContext(NamedTuple):
    """An entry with what decides whether it can change."""

    entry: Entry
    state: State
    closed_through: date | None


class EntryFilter(NamedTuple):
    """The entries of a person from `since` to `until`, after the key (`day`, `id`): the parameters
    of `LIST`."""

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
    """The entry with its context, or None."""
    record = await connection.fetchrow(READ, person, entry_id)
    return _entry_in_context(record) if record else None


async def lock_entry(
    connection: asyncpg.Connection, person: str, entry_id: uuid.UUID
) -> EntryInContext | None:
    """Read the entry and lock it until the transaction ends."""
    record = await connection.fetchrow(READ_FOR_CHANGE, person, entry_id)
    return _entry_in_context(record) if record else None


async def list_entries(
    connection: asyncpg.Connection, filters: EntryFilter
) -> list[asyncpg.Record]:
    """A page of a person's entries, newest day first: records with the columns of `IN_CONTEXT`.

    It is the most frequent request, and no rule looks at the entries: making an `Entry` of each
    would take as long as encoding it.
    """
    records: list[asyncpg.Record] = await connection.fetch(LIST, *filters)
    return records


async def list_week_entries(
    connection: asyncpg.Connection, person: str, week: Week
) -> list[EntryInContext]:
    """All entries of a week, oldest day first."""
    records = await connection.fetch(LIST_WEEK, person, week.monday, week.sunday)
    return [_entry_in_context(record) for record in records]


async def read_billable_defaults(
    connection: asyncpg.Connection, person: str, week: Week
) -> dict[uuid.UUID, bool]:
    """Of each entry of a week, whether its project was billable by default on its day."""
    records = await connection.fetch(LIST_DEFAULTS, person, week.monday, week.sunday)
    return {record["id"]: record["billable"] for record in records}


async def load_entry_context(
    connection: asyncpg.Connection, person: str, draft: Draft
) -> EntryContext:
    """The week, the day and the project that the draft lies in."""
    record = await connection.fetchrow(CONTEXT, person, draft.date, draft.project)
    return EntryContext(
        state=_STATES[record["state"]],
        closed_through=record["closed_through"],
        day_minutes=record["day_minutes"],
        project=_project_rules(record),
    )


def _project_rules(record: asyncpg.Record) -> ProjectRules | None:
    if record["active"] is None:
        return None
    return ProjectRules(
        active=record["active"],
        billable=bool(record["billable"]),
        note_required=record["note_required"],
    )


async def insert_entry(
    connection: asyncpg.Connection, person: str, entry_id: uuid.UUID, draft: Draft, source: str
) -> Entry:
    """Insert an entry. Raises ConcurrentUpdate where a rule was broken in between."""
    with retry_on_violation(RULES):
        record = await connection.fetchrow(INSERT, person, entry_id, source, *_values(draft))
    return entry_of(record)


async def add_entry(
    connection: asyncpg.Connection, person: str, entry_id: uuid.UUID, draft: Draft, source: str
) -> EntryInContext | None:
    """Insert the entry in one statement that the database alone guards.

    Returns None if the id exists, if the project is unknown, or if it requires a note. An
    inserted entry lies in an open week and after the closed period.
    """
    record = await connection.fetchrow(ADD, person, entry_id, source, *_values(draft))
    return EntryInContext(entry_of(record), State.OPEN, None) if record else None


async def update_entry(
    connection: asyncpg.Connection, person: str, entry_id: uuid.UUID, draft: Draft
) -> Entry:
    """Replace an entry. Raises ConcurrentUpdate where a rule was broken in between."""
    with retry_on_violation(RULES):
        record = await connection.fetchrow(UPDATE, person, entry_id, *_values(draft))
    return entry_of(record)


async def delete_entry(
    connection: asyncpg.Connection, person: str, entry_id: uuid.UUID, actor: str | None = None
) -> None:
    """Delete the entry. For an uploaded one the `actor` is kept, by default its person."""
    if actor is not None:
        await connection.execute(SET_ACTOR, actor)
    with retry_on_violation(RULES):
        await connection.execute(DELETE, person, entry_id)


_STATES = {state.value: state for state in State}
_WIDTH = len(Entry._fields)
# Lists make many: the constructors that NamedTuple writes are Python functions, twice as slow.
_new = tuple.__new__


def entry_of(record: asyncpg.Record) -> Entry:
    """The entry in the first columns, which are `COLUMNS`."""
    return _new(Entry, record[:_WIDTH])


def _entry_in_context(record: asyncpg.Record) -> EntryInContext:
    """`record` has the columns of `IN_CONTEXT`."""
    context = (_new(Entry, record[:_WIDTH]), _STATES[record[_WIDTH]], record[_WIDTH + 1])
    return _new(EntryInContext, context)


def _values(draft: Draft) -> tuple[Any, ...]:
    """In the order of `DRAFT`."""
    return draft.date, draft.project, draft.minutes, draft.task, draft.note, draft.billable
