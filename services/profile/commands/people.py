"""Administering the directory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import asyncpg

from libs.changes import Actor
from libs.postgres.pool import Database
from services.profile import model
from services.profile.commands.saving import save
from services.profile.model import AlreadyExists, Contract, Person, StaleVersion, UnknownPerson
from services.profile.store import people as store
from services.profile.store.directory import load_person_context
from services.profile.store.people import KnownPerson


async def put_person(
    database: Database,
    sub: str,
    values: Mapping[str, Any],
    actor: Actor,
    now: datetime,
    *,
    expected_version: int | None = None,
    must_exist: bool = False,
    must_be_new: bool = False,
) -> tuple[KnownPerson, bool]:
    """Create the person or replace the named fields; also returns whether they were created.

    Repeating it changes nothing, whatever the expected version. Raises `AlreadyExists`,
    `StaleVersion`, `UnknownPerson` (if they must exist), `RuleBroken`.
    """

    async def put(connection: asyncpg.Connection) -> tuple[KnownPerson, bool]:
        known = await store.lock_person(connection, sub)
        before = known.person if known else None
        if before is None and must_exist:
            raise UnknownPerson
        person = replace(before or Person(sub, ""), **values)
        if person != before:
            if known is not None and must_be_new:
                raise AlreadyExists(known)
            _check_version(known, expected_version)
            context = await load_person_context(connection, person)
            model.check_person(person, before, context, now)
        return await save(connection, before, person, actor, now), known is None

    return await database.transact(put)


async def put_contract(
    database: Database,
    sub: str,
    contract: Contract,
    actor: Actor,
    now: datetime,
    *,
    expected_version: int | None = None,
) -> tuple[KnownPerson, bool]:
    """Set the contract that begins on its day; also returns whether there was none.

    Raises `UnknownPerson`, `StaleVersion`, `RuleBroken`.
    """

    async def put(connection: asyncpg.Connection) -> tuple[KnownPerson, bool]:
        known = await _lock(connection, sub)
        before = known.person
        created = all(other.valid_from != contract.valid_from for other in before.contracts)
        after = replace(before, contracts=model.with_contract(before.contracts, contract))
        if after != before:
            _check_version(known, expected_version)
        return await save(connection, before, after, actor, now), created

    return await database.transact(put)


async def delete_contract(
    database: Database,
    sub: str,
    valid_from: date,
    actor: Actor,
    now: datetime,
    *,
    expected_version: int | None = None,
) -> None:
    """Remove the contract that begins on this day, so that the one before it holds on.

    Raises `UnknownPerson`, `UnknownContract`, `StaleVersion`.
    """

    async def delete(connection: asyncpg.Connection) -> None:
        known = await _lock(connection, sub)
        remaining = model.without_contract(known.person.contracts, valid_from)
        _check_version(known, expected_version)
        after = replace(known.person, contracts=remaining)
        await save(connection, known.person, after, actor, now)

    await database.transact(delete)


async def _lock(connection: asyncpg.Connection, sub: str) -> KnownPerson:
    known = await store.lock_person(connection, sub)
    if known is None:
        raise UnknownPerson
    return known


def _check_version(known: KnownPerson | None, expected: int | None) -> None:
    if known is not None and expected is not None and expected != known.person.version:
        raise StaleVersion(known.person.version, known)
