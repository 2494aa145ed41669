"""What profile tells the other services of people."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import asyncpg

from libs.feed import Event, publish
from libs.service.admission import PersonAccess, record_access
from services.profile.model import Delegation, Person


def concerns_others(before: Person | None, after: Person) -> bool:
    """Whether what the others are told has changed, the version aside."""
    return before is None or _state(before) != _state(after)


async def publish_changed(connection: asyncpg.Connection, person: Person, now: datetime) -> None:
    """Publish all that others know of the person, and bar or admit the person here.

    The newest event alone is enough for a follower.
    """
    data = {**_state(person), "version": person.version}
    event = Event(type="person.changed", subject=person.person, time=now, data=data)
    await publish(connection, event)
    access = PersonAccess(person.person, person.active, None, person.version)
    await record_access(connection, [access])


def _state(person: Person) -> dict[str, Any]:
    return {
        "person": person.person,
        "name": person.name,
        "email": person.email,
        "kind": person.kind,
        "employer": person.employer,
        "manager": person.manager,
        "active": person.active,
        "external_ids": dict(person.external_ids),
        "uploaders": list(person.uploaders),
        "target_minutes": person.target_minutes,
        "delegate": _delegate(person.delegate),
    }


def _delegate(delegation: Delegation | None) -> dict[str, str] | None:
    if delegation is None:
        return None
    return {
        "person": delegation.person,
        "from": delegation.since.isoformat(),
        "to": delegation.until.isoformat(),
    }
