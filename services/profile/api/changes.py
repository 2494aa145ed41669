"""How people come to change: the one way to write, and the one way to arrive."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import asyncpg

from services.profile import feeds, model
from services.profile.model import Claims, Person
from services.profile.store import people as store
from services.profile.store.directory import find_email_owner
from services.profile.store.people import Known


async def meet(
    connection: asyncpg.Connection, sub: str, claims: Claims
) -> tuple[Known | None, Person]:
    """The caller as stored, locked, and as the token says; who is new is not stored yet."""
    known = await store.lock_person(connection, sub)
    email_taken = await find_email_owner(connection, claims.email, sub) is not None
    if known is None:
        return None, model.newcomer(sub, claims, email_taken=email_taken)
    return known, model.follow(known.person, claims, email_taken=email_taken)


async def record(
    connection: asyncpg.Connection, before: Person | None, after: Person, now: datetime
) -> Known:
    """Store what changed and, last, tell the others what concerns them.

    Nothing of the transaction may come after this.
    """
    if before is None:
        await store.insert_person(connection, after)
    elif replace(after, claims=before.claims) != before:
        await store.update_person(connection, after)
    elif after != before:
        await store.remember_claims(connection, after.person, after.claims)
    known = await store.read_person(connection, after.person)
    if known is None:
        raise LookupError(f"{after.person} was stored and is not there")
    if feeds.concerns_others(before, known.person):
        await feeds.publish_changed(connection, known.person, now)
    return known
