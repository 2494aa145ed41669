"""Reads the caller and writes a person, for every command."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import asyncpg

from libs.changes import Actor, Change, difference, record_changes
from libs.rules.errors import NotVisible
from libs.service.admission import PersonAccess, record_access
from services.profile import model
from services.profile.events import publish_changed, state_of
from services.profile.model import Claims, Person
from services.profile.store import people as store
from services.profile.store.directory import find_email_owner
from services.profile.store.people import KnownPerson


async def sync_from_token(
    connection: asyncpg.Connection, sub: str, claims: Claims
) -> tuple[Person | None, Person]:
    """Lock the caller. Returns them as stored (None: not stored) and as their token has them."""
    known = await store.lock_person(connection, sub)
    email_taken = await find_email_owner(connection, claims.email, sub) is not None
    if known is None:
        return None, model.new_person(sub, claims, email_taken=email_taken)
    return known.person, model.follow_token(known.person, claims, email_taken=email_taken)


async def save(
    connection: asyncpg.Connection,
    before: Person | None,
    after: Person,
    actor: Actor,
    now: datetime,
) -> KnownPerson:
    """Store the person, append to the change log and publish, as far as anything has changed.

    The last step of a transaction, because publishing is.
    """
    if before is None:
        await store.insert_person(connection, after)
    elif replace(after, claims=before.claims) != before:
        await store.update_person(connection, after)
    elif after != before:
        await store.remember_claims(connection, after.person, after.claims)
    known = await store.read_person(connection, after.person)
    if known is None:
        raise NotVisible("There is no such person.")
    if changes := _changes(before, known.person, actor, now):
        await record_access(connection, [_access_of(known.person)])
        await record_changes(connection, changes)
        await publish_changed(connection, known.person, actor, now)
    return known


def _access_of(person: Person) -> PersonAccess:
    return PersonAccess(person.person, person.active, person.revoked_before, person.version)


def _changes(before: Person | None, after: Person, actor: Actor, now: datetime) -> list[Change]:
    """The person's rows of the change log: contracts have rows of their own."""
    new = state_of(after)
    old = state_of(before) if before else None
    old_contracts = {row["from"]: row for row in old.pop("contracts")} if old else {}
    new_contracts = {row["from"]: row for row in new.pop("contracts")}
    changes = []
    if old is None:
        changes.append(Change("person", after.person, "created", actor, now, None, new))
    elif old != new:
        changes.append(Change("person", after.person, "changed", actor, now, *difference(old, new)))
    for day in sorted(old_contracts.keys() | new_contracts.keys()):
        row, new_row = old_contracts.get(day), new_contracts.get(day)
        if row != new_row:
            action = "created" if row is None else "removed" if new_row is None else "changed"
            changes.append(Change("contract", after.person, action, actor, now, row, new_row))
    return changes
