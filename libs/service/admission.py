"""Refuses deactivated people and revoked tokens on every route of a service.

Each service keeps the table `barred_people`, written in the transaction that changes a person
(profile) or applies `person.changed` (entries, approvals). Each replica holds its rows in memory
and reloads them within a second of a change, so a request costs one dictionary lookup.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

import asyncpg
import msgspec
import structlog
from aiohttp import web

from libs.auth import PRINCIPAL, Principal
from libs.auth.challenges import unauthorized
from libs.feed.wire import Delivery, data_as
from libs.postgres.pool import DATABASE, Database
from libs.postgres.retry import jittered
from libs.web.problems import Problem

REFRESH_SECONDS = 1.0

ADMISSION_V1_UP = """
CREATE TABLE barred_people (
    person         text COLLATE "C" PRIMARY KEY,
    active         boolean NOT NULL,
    revoked_before timestamptz,
    version        bigint NOT NULL
);

INSERT INTO barred_people (person, active, version)
SELECT person, active, version FROM people WHERE NOT active;
"""

ADMISSION_V1_DOWN = "DROP TABLE barred_people"

# People who were never barred have no row; others keep theirs, so that `version` only grows.
RECORD = """
    INSERT INTO barred_people AS known (person, active, revoked_before, version)
    SELECT $1, $2, $3::timestamptz, $4
    WHERE NOT $2 OR $3 IS NOT NULL OR EXISTS (SELECT FROM barred_people WHERE person = $1)
    ON CONFLICT (person) DO UPDATE
    SET active = excluded.active, revoked_before = excluded.revoked_before,
        version = excluded.version
    WHERE known.version < excluded.version
"""

# Versions only grow, so their sum changes with every change.
READ_REVISION = "SELECT coalesce(sum(version), 0)::bigint FROM barred_people"

LIST_BARRED = """
    SELECT person, active, revoked_before
    FROM barred_people
    WHERE NOT active OR revoked_before IS NOT NULL
"""

log = structlog.get_logger(__name__)


class Inactive(Problem):
    """The person is deactivated."""

    status = 403
    slug = "inactive"


@dataclass(frozen=True, slots=True)
class PersonAccess:
    """Whether a person may use the services, as of a version of the person."""

    person: str
    active: bool
    revoked_before: datetime | None
    version: int


class _ChangedPerson(msgspec.Struct):
    """The part of `person.changed` that admission depends on."""

    person: str
    active: bool
    version: int
    revoked_before: datetime | None = None


async def record_access_of(connection: asyncpg.Connection, events: Iterable[Delivery]) -> None:
    """Store who is barred by `person.changed` events, in the transaction that applies them."""
    changed = [data_as(_ChangedPerson, event) for event in events]
    await record_access(
        connection,
        [
            PersonAccess(each.person, each.active, each.revoked_before, each.version)
            for each in changed
        ],
    )


async def record_access(connection: asyncpg.Connection, people: Iterable[PersonAccess]) -> None:
    """Store who is barred. Call it in the transaction that changes the people."""
    await connection.executemany(
        RECORD, [(each.person, each.active, each.revoked_before, each.version) for each in people]
    )


class Admission:
    """The barred people of a service, kept in memory and reloaded when they change."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._revision = -1
        self._barred: dict[str, tuple[bool, float | None]] = {}

    @property
    def is_loaded(self) -> bool:
        """Whether the people were read from the database at least once."""
        return self._revision >= 0

    async def refresh(self) -> None:
        """Reload the barred people if any changed. Raises `DatabaseUnavailable`, `DatabaseBusy`."""
        async with self._db.connection() as connection:
            revision: int = await connection.fetchval(READ_REVISION)
            if revision == self._revision:
                return
            rows = await connection.fetch(LIST_BARRED)
        self._barred = {
            row["person"]: (
                row["active"],
                row["revoked_before"].timestamp() if row["revoked_before"] else None,
            )
            for row in rows
        }
        self._revision = revision

    def check(self, principal: Principal) -> None:
        """Raise `Inactive`, or the 401 of an invalid token if it was revoked. Machines pass."""
        barred = None if principal.is_machine else self._barred.get(principal.subject)
        if barred is None:
            return
        active, revoked_before = barred
        if not active:
            raise Inactive("Your account is deactivated. Ask an administrator to activate it.")
        if revoked_before is not None and principal.issued_at < revoked_before:
            raise unauthorized()


ADMISSION = web.AppKey("ADMISSION", Admission)


def admission_context(
    every: float = REFRESH_SECONDS,
) -> Callable[[web.Application], AsyncIterator[None]]:
    """A cleanup context that keeps `app[ADMISSION]` fresh; it follows the database's context."""

    async def keep_fresh(app: web.Application) -> AsyncIterator[None]:
        app[ADMISSION] = Admission(app[DATABASE])
        task = asyncio.create_task(_refresh_forever(app[ADMISSION], every))
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    return keep_fresh


async def _refresh_forever(admission: Admission, every: float) -> None:
    while True:
        try:
            await admission.refresh()
        except Exception as error:
            # The requests of an outage are refused anyway; the next round tries again.
            log.warning("could not refresh the barred people", error=repr(error))
        await asyncio.sleep(jittered(every))


async def check_admission(request: web.Request) -> None:
    """Refuse a barred caller. Fails closed: nobody passes before the first load."""
    admission = request.app[ADMISSION]
    if not admission.is_loaded:
        await admission.refresh()
    admission.check(request[PRINCIPAL])
