"""Absences: reading, writing, listing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

import asyncpg

from libs.postgres.transactions import retry_on_violation
from services.entries.calendar import Absence, AbsenceDraft, AbsenceKind
from services.entries.store.holidays import share_company_days

COLUMNS = "person, id, first_day, last_day, kind, portion, note, version, created_at, updated_at"

READ = f"SELECT {COLUMNS} FROM absences WHERE person = $1 AND id = $2"

LOCK = f"{READ} FOR UPDATE"

# One change of absences or working time at a time for each person: two absences that overlap must
# not pass the check together, and which weeks are off follows from both.
LOCK_PERSON = "SELECT pg_advisory_xact_lock(7301005, hashtext($1))"

LIST = f"""
    SELECT {COLUMNS}
    FROM absences
    WHERE person = $1
      AND last_day >= $2
      AND first_day <= $3
      AND (first_day, id) > ($4, $5)
    ORDER BY first_day, id
    LIMIT $6
"""

LIST_ALL = f"""
    SELECT {COLUMNS}
    FROM absences
    WHERE person = $1
      AND last_day >= $2
      AND first_day <= $3
    ORDER BY first_day, id
"""

LIST_OF_SEVERAL = f"""
    SELECT {COLUMNS}
    FROM absences
    WHERE person = ANY ($1)
      AND last_day >= $2
      AND first_day <= $3
"""

# Goes on from the version of an absence that was deleted under this id.
INSERT = f"""
    INSERT INTO absences (person, id, version, first_day, last_day, kind, portion, note)
    SELECT $1, $2, 1 + coalesce(max(deleted.version), 0), $3, $4, $5, $6, $7
    FROM deleted_absences AS deleted
    WHERE deleted.person = $1 AND deleted.id = $2
    RETURNING {COLUMNS}
"""

UPDATE = f"""
    UPDATE absences
    SET first_day = $3, last_day = $4, kind = $5, portion = $6, note = $7,
        version = version + 1, updated_at = now()
    WHERE person = $1 AND id = $2
    RETURNING {COLUMNS}
"""

DELETE = """
    WITH deleted AS (
        DELETE FROM absences WHERE person = $1 AND id = $2 RETURNING person, id, version
    )
    INSERT INTO deleted_absences (person, id, version)
    SELECT person, id, version FROM deleted
    ON CONFLICT (person, id) DO UPDATE SET version = excluded.version
"""


@dataclass(frozen=True, slots=True)
class AbsenceFilter:
    """Absences of a person that touch the days, after the key (`day`, `id`)."""

    person: str
    since: date
    until: date
    day: date
    id: UUID
    limit: int


async def lock_person(connection: asyncpg.Connection, person: str) -> None:
    """Hold other changes of the person's absences and working time, and of company days, until the
    transaction ends."""
    await share_company_days(connection)
    await connection.execute(LOCK_PERSON, person)


async def lock_absence(
    connection: asyncpg.Connection, person: str, absence_id: UUID
) -> Absence | None:
    """Read the absence and lock it until the transaction ends."""
    record = await connection.fetchrow(LOCK, person, absence_id)
    return _absence(record) if record else None


async def list_absences(connection: asyncpg.Connection, chosen: AbsenceFilter) -> list[Absence]:
    """A page, earliest first."""
    records = await connection.fetch(
        LIST,
        chosen.person,
        chosen.since,
        chosen.until,
        chosen.day,
        chosen.id,
        chosen.limit,
    )
    return [_absence(record) for record in records]


async def list_all_absences(
    connection: asyncpg.Connection, person: str, since: date, until: date
) -> list[Absence]:
    """Every absence of the person that touches the days."""
    records = await connection.fetch(LIST_ALL, person, since, until)
    return [_absence(record) for record in records]


async def list_absences_of_several(
    connection: asyncpg.Connection, people: list[str], since: date, until: date
) -> dict[str, list[Absence]]:
    """The same for several people; people without absences have an empty list."""
    found: dict[str, list[Absence]] = {person: [] for person in people}
    for record in await connection.fetch(LIST_OF_SEVERAL, people, since, until):
        found[record["person"]].append(_absence(record))
    return found


async def insert_absence(
    connection: asyncpg.Connection, person: str, absence_id: UUID, draft: AbsenceDraft
) -> Absence:
    """Insert an absence. Raises ConcurrentUpdate if its id was taken in between."""
    with retry_on_violation(["absences_pkey"]):
        record = await connection.fetchrow(INSERT, person, absence_id, *_values(draft))
    return _absence(record)


async def update_absence(
    connection: asyncpg.Connection, person: str, absence_id: UUID, draft: AbsenceDraft
) -> Absence:
    """Replace an absence."""
    return _absence(await connection.fetchrow(UPDATE, person, absence_id, *_values(draft)))


async def delete_absence(connection: asyncpg.Connection, person: str, absence_id: UUID) -> None:
    """Delete an absence; its version is remembered."""
    await connection.execute(DELETE, person, absence_id)


def _values(draft: AbsenceDraft) -> tuple[date, date, str, float, str]:
    return draft.first, draft.last, draft.kind, draft.portion, draft.note


def _absence(record: asyncpg.Record) -> Absence:
    return Absence(
        id=record["id"],
        person=record["person"],
        draft=AbsenceDraft(
            record["first_day"],
            record["last_day"],
            AbsenceKind(record["kind"]),
            record["portion"],
            record["note"],
        ),
        version=record["version"],
        created_at=record["created_at"],
        updated_at=record["updated_at"],
    )
