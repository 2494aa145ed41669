"""The people whom profile has published, and whose weeks a caller decides."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

import asyncpg

from libs.postgres.records import placeholders, values_of
from services.approvals.model import Caller, Delegation, Manager, Today

COLUMNS = (
    *("person", "name", "manager", "active", "target_minutes", "first_day", "last_day"),
    *("email", "locale", "time_zone", "reminders", "since", "version"),
)
DELEGATE = ("delegate", "delegate_from", "delegate_to")
WRITTEN = (*COLUMNS, *DELEGATE)
REPLACED = tuple(name for name in WRITTEN if name not in ("person", "since"))

# An older version that arrives late changes nothing. The same version again may have fields that a
# release before did not publish.
SAVE = f"""
    INSERT INTO people AS known ({", ".join(WRITTEN)})
    VALUES ({placeholders(WRITTEN)})
    ON CONFLICT (person) DO UPDATE
    SET {", ".join(f"{name} = excluded.{name}" for name in REPLACED)},
        since = least(known.since, excluded.since)
    WHERE known.version <= excluded.version
"""

# The people whose weeks $1 may decide without being an administrator, on a day from $2 to $3:
# `authority_of` of the model, the other way round. Keep the two equal.
TEAM = """
    deciding AS (
        SELECT person AS manager FROM people WHERE person = $1 AND active
        UNION
        SELECT manager.person
        FROM people AS manager
        WHERE manager.delegate = $1 AND manager.active
          AND manager.delegate_from <= $3::date AND manager.delegate_to >= $2::date
          AND EXISTS (SELECT FROM people WHERE person = $1 AND active)
    ),
    team AS (
        SELECT member.*
        FROM people AS member JOIN deciding ON deciding.manager = member.manager
        WHERE member.person <> $1 AND member.person <> member.manager
    )
"""

# Everybody whose weeks an administrator, $1, may decide.
EVERYBODY = "team AS (SELECT member.* FROM people AS member WHERE member.person <> $1)"

# Profile may not have published any of the three yet.
MANAGED = """
    LEFT JOIN people AS manager ON manager.person = person.manager
    LEFT JOIN people AS delegate ON delegate.person = manager.delegate
"""

COLUMNS_OF_MANAGER = """
    person.manager AS manager, manager.active AS manager_active,
    manager.delegate AS delegate, manager.delegate_from AS delegate_from,
    manager.delegate_to AS delegate_to, delegate.active AS delegate_active
"""

READ_TARGETS = "SELECT person, target_minutes FROM people WHERE person = ANY ($1)"


@dataclass(frozen=True, slots=True)
class Person:
    """A person as published by profile.

    `since` is the Monday of the week of the event, `first_day` and `last_day` are at work.
    """

    person: str
    name: str
    manager: str | None
    active: bool
    target_minutes: int | None
    delegation: Delegation | None
    since: date
    version: int
    first_day: date | None = None
    last_day: date | None = None
    email: str | None = None
    locale: str | None = None
    time_zone: str | None = None
    reminders: bool | None = None


async def save_people(connection: asyncpg.Connection, people: Iterable[Person]) -> None:
    """Insert or replace people as `person.changed` describes them."""
    await connection.executemany(SAVE, [_values_of(person) for person in people])


async def read_targets(connection: asyncpg.Connection, people: Iterable[str]) -> dict[str, int]:
    """The weekly target of each of these people who has one."""
    records = await connection.fetch(READ_TARGETS, list(people))
    return {record["person"]: record["target_minutes"] for record in records}


def _values_of(person: Person) -> tuple[Any, ...]:
    delegation = person.delegation
    delegate = (
        (delegation.person, delegation.since, delegation.until)
        if delegation
        else (None, None, None)
    )
    return (*values_of(person, COLUMNS), *delegate)


def team_of(caller: Caller, today: Today) -> tuple[str, list[Any]]:
    """A WITH clause for `team`, the people whose weeks the caller may decide; its arguments."""
    if caller.administers:
        return f"WITH {EVERYBODY}", [caller.person]
    return f"WITH {TEAM}", [caller.person, today.first, today.last]


def manager_of(record: asyncpg.Record) -> Manager | None:
    """The manager in a record with `COLUMNS_OF_MANAGER`."""
    if record["manager"] is None:
        return None
    delegation = None
    if record["delegate"] is not None:
        delegation = Delegation(
            person=record["delegate"],
            since=record["delegate_from"],
            until=record["delegate_to"],
            active=record["delegate_active"] is True,
        )
    return Manager(record["manager"], record["manager_active"] is True, delegation)
