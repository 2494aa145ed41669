"""People: reading and writing one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from libs.postgres.records import RecordType, assignments, placeholders, values_of
from libs.postgres.transactions import retry_on_violation
from libs.web.responses import encode_json
from services.profile.model import Claims, Person
from services.profile.names import search_words, sort_key
from services.profile.store.rules import RULES

# The fields that are no column of `people`, as JSON.
EXPRESSIONS = {
    "external_ids": """coalesce((
        SELECT json_object_agg(system, external_id ORDER BY system)
        FROM external_ids AS known WHERE known.person = person.person
    ), json_build_object())""",
    "delegate": """CASE WHEN person.delegate IS NOT NULL THEN json_build_object(
        'person', person.delegate,
        'since', person.delegate_since,
        'until', person.delegate_until
    ) END""",
    "contracts": """coalesce((
        SELECT json_agg(json_build_object(
            'valid_from', valid_from, 'minutes', minutes, 'calendar', calendar
        ) ORDER BY valid_from)
        FROM contracts WHERE contracts.person = person.person
    ), json_build_array())""",
    "claims": """json_build_object(
        'name', person.claimed_name,
        'email', person.claimed_email,
        'issued_at', person.claims_issued_at,
        'scopes', person.claimed_scopes
    )""",
}

PEOPLE = RecordType(Person, table="person", expressions=EXPRESSIONS)

# An active person whose token has the e-mail of another one.
SAME_EMAIL_AS = """(
    SELECT other.person FROM people AS other
    WHERE lower(other.email) = lower(person.claimed_email) AND other.active
      AND other.person <> person.person
      AND person.email IS NULL AND person.active
)"""

COLUMNS = f"""
    {PEOPLE.columns}, person.created_at, person.updated_at,
    manager.name AS manager_name, delegate.name AS delegate_name,
    {SAME_EMAIL_AS} AS same_email_as
"""
JOINS = """
    LEFT JOIN people AS manager ON manager.person = person.manager
    LEFT JOIN people AS delegate ON delegate.person = person.delegate
"""

READ = f"SELECT {COLUMNS} FROM people AS person {JOINS} WHERE person.person = $1"

# A statement of its own: joined rows would be read as they were before the wait. Not FOR UPDATE:
# a transaction that appoints this person as a delegate holds a share of the row's key.
LOCK = "SELECT true FROM people WHERE person = $1 FOR NO KEY UPDATE"

PLAIN = tuple(name for name in PEOPLE.names if name not in (*EXPRESSIONS, "version"))
CLAIMS = ("claimed_name", "claimed_email", "claims_issued_at", "claimed_scopes")
DERIVED = ("delegate", "delegate_since", "delegate_until", *CLAIMS, "sort_name")
WRITTEN = (*PLAIN, *DERIVED)
WORDS = f"${len(WRITTEN) + 1}"

INSERT = f"""
    INSERT INTO people ({", ".join(WRITTEN)}, words)
    VALUES ({placeholders(WRITTEN)}, array_to_tsvector({WORDS}::text[]))
"""

# $1 is the person, the first of the columns.
UPDATE = f"""
    UPDATE people
    SET {assignments(WRITTEN[1:], first=2)}, words = array_to_tsvector({WORDS}::text[]),
        version = version + 1, updated_at = now()
    WHERE person = $1
"""

# These columns are not shown, so the version stays.
REMEMBER_CLAIMS = f"UPDATE people SET {assignments(CLAIMS, first=2)} WHERE person = $1"

DROP_IDS = """
    DELETE FROM external_ids
    WHERE person = $1
      AND (system, external_id) NOT IN (SELECT * FROM unnest($2::text[], $3::text[]))
"""

ADD_IDS = """
    INSERT INTO external_ids (person, system, external_id, active)
    SELECT $1, system, external_id, $4
    FROM unnest($2::text[], $3::text[]) AS given (system, external_id)
    ON CONFLICT (person, system) DO NOTHING
"""

DROP_CONTRACTS = """
    DELETE FROM contracts WHERE person = $1 AND valid_from <> ALL ($2::text[]::date[])
"""

SAVE_CONTRACT = """
    INSERT INTO contracts (person, valid_from, minutes, calendar) VALUES ($1, $2, $3, $4)
    ON CONFLICT (person, valid_from) DO UPDATE
    SET minutes = excluded.minutes, calendar = excluded.calendar
"""


@dataclass(frozen=True, slots=True)
class KnownPerson:
    """A stored person, and the names of those to whom the row refers.

    `same_email_as` is an active person who has the e-mail of this one's token.
    """

    person: Person
    manager_name: str | None
    delegate_name: str | None
    same_email_as: str | None
    created_at: datetime
    updated_at: datetime


async def read_person(connection: asyncpg.Connection, person: str) -> KnownPerson | None:
    """The person with this `sub`, with the names of manager and delegate."""
    record = await connection.fetchrow(READ, person)
    return known_person(record) if record else None


async def lock_person(connection: asyncpg.Connection, person: str) -> KnownPerson | None:
    """The person, which no other transaction changes until this one ends."""
    await connection.execute(LOCK, person)
    return await read_person(connection, person)


async def insert_person(connection: asyncpg.Connection, person: Person) -> None:
    """Insert a person with external ids and contracts."""
    with retry_on_violation(RULES):
        await connection.execute(INSERT, *_arguments(person))
        await _add_ids(connection, person)
        await _save_contracts(connection, person)


async def update_person(connection: asyncpg.Connection, person: Person) -> None:
    """Replace the stored row; the version goes up by one."""
    with retry_on_violation(RULES):
        # First: the ids of somebody who comes back are checked when `active` changes.
        await _drop_ids(connection, person)
        await connection.execute(UPDATE, *_arguments(person))
        await _add_ids(connection, person)
        await _save_contracts(connection, person)


async def remember_claims(connection: asyncpg.Connection, person: str, claims: Claims) -> None:
    """Store the claims of the person's newest token."""
    await connection.execute(REMEMBER_CLAIMS, person, *_claims(claims).values())


def known_person(record: asyncpg.Record) -> KnownPerson:
    """The person of a row of `READ`."""
    return KnownPerson(
        person=PEOPLE.decode(record),
        manager_name=record["manager_name"],
        delegate_name=record["delegate_name"],
        same_email_as=record["same_email_as"],
        created_at=record["created_at"],
        updated_at=record["updated_at"],
    )


async def _drop_ids(connection: asyncpg.Connection, person: Person) -> None:
    await connection.execute(DROP_IDS, person.person, *_ids(person))


async def _add_ids(connection: asyncpg.Connection, person: Person) -> None:
    if person.external_ids:
        await connection.execute(ADD_IDS, person.person, *_ids(person), person.active)


def _ids(person: Person) -> tuple[list[str], list[str]]:
    """Systems and ids in one order for all writers, so that they queue and never deadlock."""
    systems = sorted(person.external_ids)
    return systems, [person.external_ids[system] for system in systems]


async def _save_contracts(connection: asyncpg.Connection, person: Person) -> None:
    days = [contract.valid_from.isoformat() for contract in person.contracts]
    await connection.execute(DROP_CONTRACTS, person.person, days)
    for contract in person.contracts:
        minutes = encode_json(contract.minutes).decode()
        await connection.execute(
            SAVE_CONTRACT, person.person, contract.valid_from, minutes, contract.calendar
        )


def _arguments(person: Person) -> tuple[Any, ...]:
    """The values of `WRITTEN`, and the words."""
    delegate = person.delegate
    derived: Mapping[str, Any] = {
        "delegate": delegate.person if delegate else None,
        "delegate_since": delegate.since if delegate else None,
        "delegate_until": delegate.until if delegate else None,
        **_claims(person.claims),
        "sort_name": sort_key(person.name),
    }
    words = list(search_words(person.name, person.email))
    return (*values_of(person, PLAIN), *(derived[name] for name in DERIVED), words)


def _claims(claims: Claims) -> dict[str, Any]:
    """The values of `CLAIMS`, in their order."""
    scopes = None if claims.scopes is None else list(claims.scopes)
    return dict(zip(CLAIMS, (claims.name, claims.email, claims.issued_at, scopes), strict=True))
