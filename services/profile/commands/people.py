"""Administering the directory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import asyncpg

from libs.changes import Actor
from libs.postgres.pool import Database
from libs.rules.errors import NotVisible, StaleVersion
from libs.rules.preconditions import UNCONDITIONAL, Preconditions
from services.profile import model
from services.profile.commands.saving import save
from services.profile.model import Contract, Person
from services.profile.store import people as store
from services.profile.store.directory import load_person_context
from services.profile.store.people import KnownPerson


async def put_person(
    database: Database,
    sub: str,
    values: Mapping[str, Any],
    actor: Actor,
    now: datetime,
    expected: Preconditions = UNCONDITIONAL,
) -> tuple[KnownPerson, bool]:
    """Create the person or replace the named fields; also returns whether they were created.

    Repeating it changes nothing, whatever is expected. Raises `StaleVersion`, `RuleBroken`.
    """

    async def put(connection: asyncpg.Connection) -> tuple[KnownPerson, bool]:
        known = await store.lock_person(connection, sub)
        if known is None and expected.exists:
            raise StaleVersion("There is no such person any more.")
        return await _write(connection, known, sub, values, actor, now, expected), known is None

    return await database.transact(put)


async def patch_person(
    database: Database,
    sub: str,
    values: Mapping[str, Any],
    actor: Actor,
    now: datetime,
    expected: Preconditions = UNCONDITIONAL,
) -> KnownPerson:
    """Change the named fields of a person. Raises `NotVisible`, `StaleVersion`, `RuleBroken`."""

    async def patch(connection: asyncpg.Connection) -> KnownPerson:
        known = await _lock(connection, sub)
        return await _write(connection, known, sub, values, actor, now, expected)

    return await database.transact(patch)


async def _write(
    connection: asyncpg.Connection,
    known: KnownPerson | None,
    sub: str,
    values: Mapping[str, Any],
    actor: Actor,
    now: datetime,
    expected: Preconditions,
) -> KnownPerson:
    before = known.person if known else None
    person = replace(before or Person(sub, ""), **values)
    if person != before:
        _check_preconditions(known, expected)
        model.check_own_account(person, actor.subject)
        context = await load_person_context(connection, person)
        model.check_person(person, before, context, now)
    return await save(connection, before, person, actor, now)


async def put_contract(
    database: Database,
    sub: str,
    contract: Contract,
    actor: Actor,
    now: datetime,
    expected: Preconditions = UNCONDITIONAL,
) -> tuple[KnownPerson, bool]:
    """Set the contract that begins on its day; also returns whether there was none.

    Raises `NotVisible`, `StaleVersion`, `RuleBroken`.
    """

    async def put(connection: asyncpg.Connection) -> tuple[KnownPerson, bool]:
        known = await _lock(connection, sub)
        before = known.person
        created = all(other.valid_from != contract.valid_from for other in before.contracts)
        after = replace(before, contracts=model.with_contract(before.contracts, contract))
        if after != before:
            _check_preconditions(known, expected)
        return await save(connection, before, after, actor, now), created

    return await database.transact(put)


async def delete_contract(
    database: Database,
    sub: str,
    valid_from: date,
    actor: Actor,
    now: datetime,
    expected: Preconditions = UNCONDITIONAL,
) -> None:
    """Remove the contract that begins on this day, so that the one before it holds on.

    Raises `NotVisible`, `StaleVersion`.
    """

    async def delete(connection: asyncpg.Connection) -> None:
        known = await _lock(connection, sub)
        remaining = model.without_contract(known.person.contracts, valid_from)
        _check_preconditions(known, expected)
        after = replace(known.person, contracts=remaining)
        await save(connection, known.person, after, actor, now)

    await database.transact(delete)


async def _lock(connection: asyncpg.Connection, sub: str) -> KnownPerson:
    known = await store.lock_person(connection, sub)
    if known is None:
        raise NotVisible("There is no such person.")
    return known


def _check_preconditions(known: KnownPerson | None, expected: Preconditions) -> None:
    if known is None:
        return
    if expected.is_new:
        raise StaleVersion("The person is in the directory.", known, known.person.version)
    expected.check_version(known, known.person.version)
