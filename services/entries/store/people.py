"""People, as profile's feed describes them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import asyncpg
import msgspec

from services.entries.store.period import take_rules_lock
from services.entries.targets import Contract, WorkingTime

READ_WORKING_TIME = """
    SELECT contracts, target_minutes, since, until FROM people WHERE person = $1
"""

READ_WORKING_TIMES = """
    SELECT person, contracts, target_minutes, since, until FROM people WHERE person = ANY ($1)
"""

READ_ACTIVE_WORKING_TIMES = """
    SELECT person, contracts, target_minutes, since, until FROM people WHERE active
"""

LIST_ACTIVE = "SELECT person FROM people WHERE active AND person = ANY ($1)"

IS_MANAGED_BY = """
    SELECT EXISTS (
        SELECT FROM people JOIN people AS manager ON manager.person = people.manager
        WHERE people.person = $1 AND people.manager = $2 AND people.person <> $2
          AND manager.active
    )
"""

# Somebody who signed in may have weeks before profile's feed tells of them.
IS_KNOWN = """
    SELECT EXISTS (SELECT FROM people WHERE person = $1)
        OR EXISTS (SELECT FROM weeks WHERE person = $1)
"""

LEARN = """
    INSERT INTO people (
        person, name, email, kind, manager, active, target_minutes, external_ids, uploaders,
        delegate, delegate_from, delegate_to, version, employer, since, until, contracts
    )
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
    ON CONFLICT (person) DO UPDATE
    SET name = excluded.name, email = excluded.email, kind = excluded.kind,
        manager = excluded.manager, active = excluded.active,
        target_minutes = excluded.target_minutes, external_ids = excluded.external_ids,
        uploaders = excluded.uploaders, delegate = excluded.delegate,
        delegate_from = excluded.delegate_from, delegate_to = excluded.delegate_to,
        version = excluded.version, employer = excluded.employer, since = excluded.since,
        until = excluded.until, contracts = excluded.contracts
    WHERE people.version < excluded.version
"""


class _Contract(msgspec.Struct):
    """A contract as person.changed has it."""

    since: date = msgspec.field(name="from")
    minutes: tuple[int, ...]
    calendar: str | None = None


READ_EMPLOYERS = "SELECT person, employer FROM people WHERE person = ANY ($1)"


async def read_working_time(connection: asyncpg.Connection, person: str) -> WorkingTime:
    """The working time of the person; an empty one if nobody knows the person."""
    record = await connection.fetchrow(READ_WORKING_TIME, person)
    if record is None:
        return WorkingTime()
    return working_time_of(record)


async def read_working_times(
    connection: asyncpg.Connection, people: Iterable[str]
) -> dict[str, WorkingTime]:
    """The same for several people, by person; those who are not known are left out."""
    records = await connection.fetch(READ_WORKING_TIMES, list(people))
    return {record["person"]: working_time_of(record) for record in records}


async def read_active_working_times(connection: asyncpg.Connection) -> dict[str, WorkingTime]:
    """The working time of everybody who is active, by person."""
    records = await connection.fetch(READ_ACTIVE_WORKING_TIMES)
    return {record["person"]: working_time_of(record) for record in records}


async def list_active(connection: asyncpg.Connection, people: Iterable[str]) -> set[str]:
    """Those of the people who are known and active."""
    return {person for (person,) in await connection.fetch(LIST_ACTIVE, list(people))}


def working_time_of(record: asyncpg.Record) -> WorkingTime:
    """The working time in the columns `contracts`, `target_minutes`, `since` and `until`."""
    contracts = msgspec.json.decode(record["contracts"], type=list[_Contract])
    return WorkingTime(
        tuple(Contract(each.since, each.minutes, each.calendar) for each in contracts),
        record["target_minutes"],
        record["since"],
        record["until"],
    )


async def is_managed_by(connection: asyncpg.Connection, person: str, manager: str) -> bool:
    """Whether the person is a direct report of this manager, who is active."""
    return bool(await connection.fetchval(IS_MANAGED_BY, person, manager))


async def is_known(connection: asyncpg.Connection, person: str) -> bool:
    """Whether profile has published the person, or they have a week."""
    return bool(await connection.fetchval(IS_KNOWN, person))


async def learn_people(connection: asyncpg.Connection, received: Iterable[dict[str, Any]]) -> None:
    """Store the data of each `person.changed`, unless a newer version is known.

    Raises `DatabaseBusy` if an employer changes while an upload is being merged for too long.
    """
    people = list(received)
    if await _change_employers(connection, people):
        # The totals of all their entries move: see the trigger.
        await take_rules_lock(connection)
    await connection.executemany(LEARN, [_values_of(person) for person in people])


async def _change_employers(
    connection: asyncpg.Connection, people: Sequence[dict[str, Any]]
) -> bool:
    records = await connection.fetch(READ_EMPLOYERS, [person["person"] for person in people])
    employers = {record["person"]: record["employer"] for record in records}
    return any(
        (person.get("employer") or "") != (employers.get(person["person"]) or "")
        for person in people
    )


def _values_of(person: dict[str, Any]) -> tuple[Any, ...]:
    delegate = person["delegate"] or {"person": None, "from": None, "to": None}
    return (
        person["person"],
        person["name"],
        person["email"],
        person["kind"],
        person["manager"],
        person["active"],
        person["target_minutes"],
        json.dumps(person["external_ids"]),
        person["uploaders"],
        delegate["person"],
        _day(delegate["from"]),
        _day(delegate["to"]),
        person["version"],
        person.get("employer"),
        _day(person.get("since")),
        _day(person.get("until")),
        json.dumps(person.get("contracts", [])),
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
