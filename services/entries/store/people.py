"""What entries learned of people."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import asyncpg

from libs.rules.calendar import Week, earliest_today, latest_today
from libs.rules.limits import DEFAULT_TARGET_MINUTES
from services.entries.model import (
    State,
)

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

_MISSING = """
    SELECT people.person, people.name, people.manager,
        coalesce(week.state, 'open') AS state,
        coalesce((SELECT sum(day) FROM unnest(week.minutes) AS day), 0)::integer AS minutes,
        people.target_minutes
    FROM people
    LEFT JOIN weeks AS week ON week.person = people.person AND week.monday = $1
    WHERE people.active
      AND coalesce(week.state, 'open') = 'open'
      AND (people.name, people.person) > ($2, $3)
"""

MISSING = f"""
    {_MISSING}
    ORDER BY people.name, people.person
    LIMIT $4
"""

# The teams of `$5`: of those who have this manager, and of managers for whom this one stands in
# on a day that it is somewhere, from `$6` to `$7`.
MISSING_IN_TEAMS = f"""
    {_MISSING}
      AND people.manager IN (
          SELECT $5
          UNION ALL
          SELECT absent.person FROM people AS absent
          WHERE absent.active AND absent.delegate = $5
            AND absent.delegate_from <= $7 AND absent.delegate_to >= $6
      )
      AND people.person <> $5
    ORDER BY people.name, people.person
    LIMIT $4
"""


@dataclass(frozen=True, slots=True)
class Missing:
    """Somebody whose week is not submitted."""

    person: str
    name: str
    manager: str | None
    state: State
    total_minutes: int
    target_minutes: int


@dataclass(frozen=True, slots=True)
class MissingQuery:
    """Whose week is not submitted, after the key (`name`, `person`)."""

    week: Week
    name: str
    person: str
    limit: int


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


async def list_missing(connection: asyncpg.Connection, query: MissingQuery) -> list[Missing]:
    records = await connection.fetch(
        MISSING, query.week.monday, query.name, query.person, query.limit
    )
    return [_missing(record) for record in records]


async def list_missing_in_teams(
    connection: asyncpg.Connection, query: MissingQuery, approver: str, now: datetime
) -> list[Missing]:
    """As `list_missing`, for the people whose weeks the approver may decide now."""
    records = await connection.fetch(
        MISSING_IN_TEAMS,
        query.week.monday,
        query.name,
        query.person,
        query.limit,
        approver,
        earliest_today(now),
        latest_today(now),
    )
    return [_missing(record) for record in records]


def _missing(record: asyncpg.Record) -> Missing:
    person, name, manager, state, minutes, target = record
    return Missing(person, name, manager, State(state), minutes, target)


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
