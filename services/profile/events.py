"""`person.changed`: all that other services know of a person."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import asyncpg

from libs.changes import Actor
from libs.feed import Event, publish
from services.profile.model import Contract, Delegation, Person

# The newest event of a person has to be enough, so each holds all of it.
PUBLISHED = (
    *("person", "name", "email", "kind", "employer", "manager", "active", "since", "until"),
    *("external_ids", "uploaders", "target_minutes", "revoked_before"),
    *("locale", "time_zone", "reminders"),
)


def state_of(person: Person) -> dict[str, Any]:
    """The person without version and claims, as JSON has it."""
    state = {name: getattr(person, name) for name in PUBLISHED}
    delegate = person.delegate
    return {
        **state,
        "delegate": serialize_delegation(delegate) if delegate else None,
        "contracts": [serialize_contract(contract) for contract in person.contracts],
    }


async def publish_changed(
    connection: asyncpg.Connection, person: Person, actor: Actor, now: datetime
) -> None:
    """Publish `person.changed` with the whole person and who changed them."""
    data = {
        **state_of(person),
        "version": person.version,
        "actor": actor.subject,
        "client": actor.client,
    }
    await publish(connection, Event("person.changed", person.person, now, data))


def serialize_delegation(delegation: Delegation) -> dict[str, Any]:
    """A delegation as events carry it."""
    return {
        "person": delegation.person,
        "from": delegation.since.isoformat(),
        "to": delegation.until.isoformat(),
    }


def serialize_contract(contract: Contract) -> dict[str, Any]:
    """A contract as events carry it."""
    return {
        "from": contract.valid_from.isoformat(),
        "minutes": list(contract.minutes),
        "calendar": contract.calendar,
    }
