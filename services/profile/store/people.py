"""People: reading and writing one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import asyncpg
import msgspec

from libs.postgres.transactions import retry_on_violation
from services.profile.model import (
    Claims,
    Delegation,
    Kind,
    Person,
    search_words,
    sort_key,
)
from services.profile.store.rules import RULES

COLUMNS = """
    person.person, person.name, person.email, person.kind, person.employer, person.manager,
    person.active, person.target_minutes, person.uploaders, person.locale, person.time_zone,
    person.reminders, person.delegate, person.delegate_since, person.delegate_until,
    person.claimed_name, person.claimed_email, person.claims_expire_at, person.version,
    person.created_at, person.updated_at,
    manager.name AS manager_name,
    delegate.name AS delegate_name,
    (
        SELECT json_object_agg(system, external_id ORDER BY system)
        FROM external_ids AS known WHERE known.person = person.person
    ) AS external_ids
"""
JOINED = """
    people AS person
    LEFT JOIN people AS manager ON manager.person = person.manager
    LEFT JOIN people AS delegate ON delegate.person = person.delegate
"""

READ = f"SELECT {COLUMNS} FROM {JOINED} WHERE person.person = $1"

# A statement of its own: what is joined to the row would be read as it was before the wait.
# Not FOR UPDATE: who appoints this person as a delegate holds the row by its key.
LOCK = "SELECT true FROM people WHERE person = $1 FOR NO KEY UPDATE"

INSERT = """
    INSERT INTO people
        (person, name, email, kind, employer, manager, active, target_minutes, uploaders,
         locale, time_zone, reminders, delegate, delegate_since, delegate_until,
         claimed_name, claimed_email, claims_expire_at, sort_name, words)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
            array_to_tsvector($20::text[]))
"""

UPDATE = """
    UPDATE people
    SET name = $2, email = $3, kind = $4, employer = $5, manager = $6, active = $7,
        target_minutes = $8, uploaders = $9, locale = $10, time_zone = $11, reminders = $12,
        delegate = $13, delegate_since = $14, delegate_until = $15,
        claimed_name = $16, claimed_email = $17, claims_expire_at = $18, sort_name = $19,
        words = array_to_tsvector($20::text[]),
        version = version + 1, updated_at = now()
    WHERE person = $1
"""

# Nothing that anybody sees has changed, so it stays the same version.
REMEMBER_CLAIMS = """
    UPDATE people SET claimed_name = $2, claimed_email = $3, claims_expire_at = $4
    WHERE person = $1
"""

DROP_IDS = """
    DELETE FROM external_ids
    WHERE person = $1
      AND (system, external_id) NOT IN (SELECT * FROM unnest($2::text[], $3::text[]))
"""

ADD_IDS = """
    INSERT INTO external_ids (person, system, external_id)
    SELECT $1, * FROM unnest($2::text[], $3::text[])
    ON CONFLICT (person, system) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Known:
    """A person, with the names of those whom the row names."""

    person: Person
    manager_name: str | None
    delegate_name: str | None
    created_at: datetime
    updated_at: datetime


async def read_person(connection: asyncpg.Connection, person: str) -> Known | None:
    record = await connection.fetchrow(READ, person)
    return known_of(record) if record else None


async def lock_person(connection: asyncpg.Connection, person: str) -> Known | None:
    """The person, whom nobody else changes until the transaction ends."""
    await connection.execute(LOCK, person)
    return await read_person(connection, person)


async def insert_person(connection: asyncpg.Connection, person: Person) -> None:
    with retry_on_violation(RULES):
        await connection.execute(INSERT, *_values(person))
        await _save_ids(connection, person)


async def update_person(connection: asyncpg.Connection, person: Person) -> None:
    with retry_on_violation(RULES):
        await connection.execute(UPDATE, *_values(person))
        await _save_ids(connection, person)


async def remember_claims(connection: asyncpg.Connection, person: str, claims: Claims) -> None:
    await connection.execute(REMEMBER_CLAIMS, person, claims.name, claims.email, claims.expires_at)


async def _save_ids(connection: asyncpg.Connection, person: Person) -> None:
    # In one order, so that writers queue and do not deadlock.
    systems = sorted(person.external_ids)
    ids = [person.external_ids[system] for system in systems]
    await connection.execute(DROP_IDS, person.person, systems, ids)
    await connection.execute(ADD_IDS, person.person, systems, ids)


def known_of(record: asyncpg.Record) -> Known:
    person = Person(
        person=record["person"],
        name=record["name"],
        email=record["email"],
        kind=Kind(record["kind"]),
        employer=record["employer"],
        manager=record["manager"],
        active=record["active"],
        target_minutes=record["target_minutes"],
        uploaders=tuple(record["uploaders"]),
        external_ids=_ids(record["external_ids"]),
        locale=record["locale"],
        time_zone=record["time_zone"],
        reminders=record["reminders"],
        delegate=_delegation(
            record["delegate"], record["delegate_since"], record["delegate_until"]
        ),
        claims=Claims(record["claimed_name"], record["claimed_email"], record["claims_expire_at"]),
        version=record["version"],
    )
    return Known(
        person,
        record["manager_name"],
        record["delegate_name"],
        record["created_at"],
        record["updated_at"],
    )


def _ids(encoded: str | None) -> Mapping[str, str]:
    return msgspec.json.decode(encoded, type=dict[str, str]) if encoded else {}


def _delegation(person: str | None, since: date, until: date) -> Delegation | None:
    return Delegation(person, since, until) if person is not None else None


def _values(person: Person) -> tuple[Any, ...]:
    delegate = person.delegate
    return (
        person.person,
        person.name,
        person.email,
        person.kind,
        person.employer,
        person.manager,
        person.active,
        person.target_minutes,
        list(person.uploaders),
        person.locale,
        person.time_zone,
        person.reminders,
        delegate.person if delegate else None,
        delegate.since if delegate else None,
        delegate.until if delegate else None,
        person.claims.name,
        person.claims.email,
        person.claims.expires_at,
        sort_key(person.name),
        list(search_words(person.name, person.email)),
    )
