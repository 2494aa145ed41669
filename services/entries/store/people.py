"""What entries learned of people."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date
from typing import Any

import asyncpg

from libs.rules.limits import DEFAULT_TARGET_MINUTES

READ_TARGET = "SELECT target_minutes FROM people WHERE person = $1"

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


async def read_target(connection: asyncpg.Connection, person: str) -> int:
    """The minutes a week that the person means to work."""
    target: int | None = await connection.fetchval(READ_TARGET, person)
    return DEFAULT_TARGET_MINUTES if target is None else target


async def learn_people(connection: asyncpg.Connection, told: Iterable[dict[str, Any]]) -> None:
    """Take in the data of each `person.changed`, unless something newer is known."""
    await connection.executemany(LEARN, [_values_of(person) for person in told])


def _values_of(told: dict[str, Any]) -> tuple[Any, ...]:
    delegate = told["delegate"] or {"person": None, "from": None, "to": None}
    return (
        told["person"],
        told["name"],
        told["email"],
        told["kind"],
        told["manager"],
        told["active"],
        told["target_minutes"],
        json.dumps(told["external_ids"]),
        told["uploaders"],
        delegate["person"],
        _day(delegate["from"]),
        _day(delegate["to"]),
        told["version"],
        told.get("employer"),
        _day(told.get("since")),
        _day(told.get("until")),
        json.dumps(told.get("contracts", [])),
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
