"""What approvals knows of people, and whose weeks lie with whom."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import asyncpg

from services.approvals.model import Caller, Delegation, Manager, Today

# Told late, an older version changes nothing.
SAVE = """
    INSERT INTO people AS known (
        person, name, manager, active, target_minutes, delegate, delegate_from, delegate_to,
        since, version
    )
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    ON CONFLICT (person) DO UPDATE
    SET name = excluded.name, manager = excluded.manager, active = excluded.active,
        target_minutes = excluded.target_minutes, delegate = excluded.delegate,
        delegate_from = excluded.delegate_from, delegate_to = excluded.delegate_to,
        since = least(known.since, excluded.since), version = excluded.version
    WHERE known.version < excluded.version
"""

# The people whose weeks $1 may decide without being an administrator, on a day from $2 to $3:
# `standing_of` of the model, the other way round. Keep the two equal.
TEAM = """
    WITH deciding AS (
        SELECT $1::text AS manager
        WHERE NOT EXISTS (SELECT FROM people WHERE person = $1 AND NOT active)
        UNION
        SELECT manager.person
        FROM people AS manager
        WHERE manager.delegate = $1 AND manager.active
          AND manager.delegate_from <= $3::date AND manager.delegate_to >= $2::date
          AND NOT EXISTS (SELECT FROM people WHERE person = $1 AND NOT active)
    ),
    team AS (
        SELECT member.*
        FROM people AS member JOIN deciding ON deciding.manager = member.manager
        WHERE member.person <> $1 AND member.person <> member.manager
    )
"""

# Everybody whose weeks an administrator, $1, may decide.
EVERYBODY = "WITH team AS (SELECT member.* FROM people AS member WHERE member.person <> $1)"

# Profile may not have told yet of any of the three.
MANAGED = """
    LEFT JOIN people AS manager ON manager.person = person.manager
    LEFT JOIN people AS delegate ON delegate.person = manager.delegate
"""

COLUMNS_OF_MANAGER = """
    person.manager, manager.active, manager.delegate, manager.delegate_from,
    manager.delegate_to, delegate.active
"""


@dataclass(frozen=True, slots=True)
class Person:
    """A person as profile tells of them; `since` is the Monday of the week of telling."""

    person: str
    name: str
    manager: str | None
    active: bool
    target_minutes: int
    delegation: Delegation | None
    since: date
    version: int


async def save_people(connection: asyncpg.Connection, told: Iterable[Person]) -> None:
    await connection.executemany(SAVE, [_values_of(person) for person in told])


def _values_of(person: Person) -> tuple[Any, ...]:
    delegation = person.delegation
    return (
        person.person,
        person.name,
        person.manager,
        person.active,
        person.target_minutes,
        delegation.person if delegation else None,
        delegation.since if delegation else None,
        delegation.until if delegation else None,
        person.since,
        person.version,
    )


def team_of(caller: Caller, today: Today) -> tuple[str, list[Any]]:
    """A WITH clause for `team`, the people whose weeks the caller may decide; its arguments."""
    if caller.administers:
        return EVERYBODY, [caller.person]
    return TEAM, [caller.person, today.first, today.last]


def manager_of(columns: Sequence[Any]) -> Manager | None:
    """The manager in columns in the order of `COLUMNS_OF_MANAGER`."""
    person, active, delegate, since, until, delegate_active = columns
    if person is None:
        return None
    stands_in = delegate and Delegation(delegate, since, until, delegate_active is not False)
    return Manager(person, active is not False, stands_in or None)
