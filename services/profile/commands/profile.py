"""The own profile, and the delegate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import asyncpg

from libs.changes import Actor
from libs.postgres.pool import Database
from libs.rules.calendar import earliest_today
from libs.rules.errors import NotVisible
from libs.rules.preconditions import UNCONDITIONAL, Preconditions
from services.profile import model
from services.profile.commands.saving import save, sync_from_token
from services.profile.model import Claims, Delegation, Person
from services.profile.store import people as store
from services.profile.store.directory import Delegator, list_delegators
from services.profile.store.people import KnownPerson


@dataclass(frozen=True, slots=True)
class OwnProfile:
    """A person, and those for whom they are the delegate now or later."""

    known: KnownPerson
    delegators: Sequence[Delegator]


async def load_profile(
    database: Database, actor: Actor, claims: Claims, now: datetime
) -> OwnProfile:
    """The caller's profile, created or brought up to date from a newer token."""
    sub, today = actor.subject, earliest_today(now)

    async def sync(connection: asyncpg.Connection) -> KnownPerson:
        before, person = await sync_from_token(connection, sub, claims)
        return await save(connection, before, person, actor, now)

    async with database.connection() as connection:
        known = await store.read_person(connection, sub)
        delegators = await list_delegators(connection, sub, today)
    if known is None or model.follow_token(known.person, claims) != known.person:
        known = await database.transact(sync)
    return OwnProfile(known, delegators)


async def change_profile(
    database: Database,
    actor: Actor,
    claims: Claims,
    changes: Mapping[str, Any],
    now: datetime,
    expected: Preconditions = UNCONDITIONAL,
) -> OwnProfile:
    """Change the named fields of the caller's profile. Raises `RuleBroken`, `StaleVersion`."""

    async def change(connection: asyncpg.Connection) -> OwnProfile:
        before, present = await sync_from_token(connection, actor.subject, claims)
        after = _changed(present, changes, now)
        if after != present:
            await _check_version(connection, before, expected, now)
        return await _save(connection, before, after, actor, now)

    return await database.transact(change)


async def appoint_delegate(
    database: Database,
    actor: Actor,
    claims: Claims,
    delegation: Delegation,
    now: datetime,
    expected: Preconditions = UNCONDITIONAL,
) -> OwnProfile:
    """Let somebody stand in for the caller, in place of the delegate before.

    Raises `RuleBroken`, `StaleVersion`.
    """

    async def appoint(connection: asyncpg.Connection) -> OwnProfile:
        before, present = await sync_from_token(connection, actor.subject, claims)
        if present.delegate_at(now) != delegation:
            await _check_version(connection, before, expected, now)
            delegate = await store.read_person(connection, delegation.person)
            candidate = delegate.person if delegate else None
            model.check_delegation(actor.subject, delegation, candidate, now)
        after = replace(present, delegate=delegation)
        return await _save(connection, before, after, actor, now)

    return await database.transact(appoint)


async def remove_delegate(
    database: Database, actor: Actor, now: datetime, expected: Preconditions = UNCONDITIONAL
) -> None:
    """End the caller's delegation. Raises `NotVisible`, `StaleVersion`."""

    async def remove(connection: asyncpg.Connection) -> None:
        known = await store.lock_person(connection, actor.subject)
        if known is None or known.person.delegate_at(now) is None:
            raise NotVisible("You have no delegate.")
        await _check_version(connection, known.person, expected, now)
        await save(connection, known.person, replace(known.person, delegate=None), actor, now)

    await database.transact(remove)


def _changed(person: Person, changes: Mapping[str, Any], now: datetime) -> Person:
    if "target_minutes" in changes and person.contracts:
        model.check_target(person, changes["target_minutes"], now.date())
        changes = {name: value for name, value in changes.items() if name != "target_minutes"}
    return replace(person, **changes)


async def _save(
    connection: asyncpg.Connection,
    before: Person | None,
    after: Person,
    actor: Actor,
    now: datetime,
) -> OwnProfile:
    delegators = await list_delegators(connection, after.person, earliest_today(now))
    return OwnProfile(await save(connection, before, after, actor, now), delegators)


async def _check_version(
    connection: asyncpg.Connection, before: Person | None, expected: Preconditions, now: datetime
) -> None:
    version = before.version if before else 0
    if not expected.is_stale(version):
        return
    known = await store.read_person(connection, before.person) if before else None
    delegators = (
        await list_delegators(connection, before.person, earliest_today(now)) if before else []
    )
    expected.check_version(OwnProfile(known, delegators) if known else None, version)
