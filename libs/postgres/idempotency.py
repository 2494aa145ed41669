"""Answers that are remembered, so that a request can be sent again without harm.

The header is that of draft-ietf-httpapi-idempotency-key-header. The answer is stored in the same
transaction as the work: there is no moment at which one exists without the other.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

import asyncpg
import msgspec
from aiohttp import hdrs, web
from multidict import CIMultiDict

from libs.postgres.errors import OutcomeUnknown
from libs.postgres.pool import DATABASE, Database
from libs.postgres.transactions import Work
from libs.web.problems import (
    BadRequest,
    Conflict,
    FieldError,
    ServiceUnavailable,
    UnprocessableContent,
)

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
MAX_KEY_LENGTH = 255
LIFETIME_DAYS = 7

IDEMPOTENCY_KEYS_V1_UP = """
CREATE TABLE idempotency_keys (
    caller      text NOT NULL,
    key         text NOT NULL,
    fingerprint bytea NOT NULL,
    status      smallint NOT NULL,
    headers     text NOT NULL,
    body        bytea NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (caller, key)
);

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
"""
IDEMPOTENCY_KEYS_V1_DOWN = "DROP TABLE idempotency_keys"

REMEMBER = """
    INSERT INTO idempotency_keys (caller, key, fingerprint, status, headers, body)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT DO NOTHING
    RETURNING true
"""

RECALL = """
    SELECT fingerprint, status, headers, body FROM idempotency_keys WHERE caller = $1 AND key = $2
"""

HAS_KEY = "SELECT EXISTS (SELECT FROM idempotency_keys WHERE caller = $1 AND key = $2)"

KEEPS_KEYS = "SELECT to_regclass('idempotency_keys') IS NOT NULL"

FORGET = """
    DELETE FROM idempotency_keys WHERE (caller, key) IN (
        SELECT caller, key FROM idempotency_keys
        WHERE created_at < now() - make_interval(days => $1)
        ORDER BY created_at LIMIT $2
        FOR UPDATE SKIP LOCKED
    )
"""

# Visible ASCII and spaces within, as an HTTP header can carry it.
_acceptable = re.compile(r"[!-~](?:[ -~]{0,253}[!-~])?").fullmatch
# RFC 9651 section 3.3.3; quotes are optional here, as many clients leave them out.
_quoted = re.compile(r'"((?:[^"\\]|\\["\\])*)"').fullmatch


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """What a request is answered with, in a form that can be stored."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    replayed: bool = False

    @classmethod
    def of(cls, response: web.Response) -> Self:
        """`response`, which must not have been sent, with the headers it has by now."""
        body = response.body
        if not isinstance(body, bytes | bytearray | None):
            raise TypeError("only a body of bytes can be stored")
        return cls(response.status, dict(response.headers), bytes(body or b""))

    def response(self) -> web.Response:
        """What has a body is JSON unless the headers say otherwise."""
        headers = CIMultiDict(self.headers)
        if self.body:
            headers.setdefault(hdrs.CONTENT_TYPE, "application/json")
        if self.replayed:
            headers[REPLAYED] = "true"
        return web.Response(status=self.status, headers=headers, body=self.body)


class ResponseExists(Conflict):
    """An answer was stored under this key meanwhile; the work that came second is undone."""

    slug = "answer-exists"


def idempotency_key(request: web.Request, *, required: bool = False) -> str | None:
    """The key of the request. Raises `BadRequest` for one that is missing though it is
    `required`, `UnprocessableContent` for one that cannot be taken."""
    given = request.headers.getall(HEADER, [])
    if not given:
        if required:
            raise BadRequest(f"This request needs the header {HEADER}.")
        return None
    value = given[0].strip()
    if match := _quoted(value):
        value = re.sub(r"\\(.)", r"\1", match[1])
    if len(given) > 1 or not _acceptable(value):
        told = f"One key of 1 to {MAX_KEY_LENGTH} visible characters is expected."
        raise UnprocessableContent([FieldError(f"/{HEADER}", told, "key", "header")])
    return value


async def fingerprint(request: web.Request) -> bytes:
    """What makes two requests the same: method, path, query and body."""
    digest = hashlib.sha256(await request.read()).digest()
    return fingerprint_of(request.method, request.path_qs, digest)


def fingerprint_of(method: str, target: str, body_digest: bytes) -> bytes:
    """As `fingerprint`, for a body whose SHA-256 was taken while it was streamed."""
    return hashlib.sha256(msgspec.json.encode((method, target)) + body_digest).digest()


async def idempotent_response(
    request: web.Request, caller: str, work: Work[StoredResponse], *, required: bool = False
) -> web.Response:
    """Answer the request by `work`, or with what it was answered before under the same key."""
    key = idempotency_key(request, required=required)
    mark = await fingerprint(request) if key is not None else b""
    answer = await idempotent(request.app[DATABASE], caller, key, mark, work)
    return answer.response()


async def idempotent(
    db: Database,
    caller: str,
    key: str | None,
    fingerprint: bytes,
    work: Work[StoredResponse],
) -> StoredResponse:
    """Run `work` in a transaction that stores its answer, or give the answer stored before.

    The primary key decides, at the end of the transaction: of two at once the second waits there
    for the first, and gives up its own work when that commits. So a first request costs one
    statement more, and only one that fails is looked up: it may have failed because the request
    has been here before. What `work` raises is not stored. Where the outcome of COMMIT is unknown
    this is where it is learned, here or when the request is sent again.

    Raises `UnprocessableContent` for a key that was used for another request.
    """
    if key is None:
        return await db.transact(work)

    async def attempt(connection: asyncpg.Connection) -> StoredResponse:
        answer = await work(connection)
        await remember(connection, caller, key, fingerprint, answer)
        return answer

    try:
        return await db.transact(attempt)
    except Exception as error:
        if isinstance(error, ServiceUnavailable) and not isinstance(error, OutcomeUnknown):
            raise
        async with db.connection() as connection:
            stored = await recall(connection, caller, key, fingerprint)
        if stored is None:
            raise
        return stored


async def remember(
    connection: asyncpg.Connection,
    caller: str,
    key: str,
    fingerprint: bytes,
    answer: StoredResponse,
) -> None:
    """Store the answer in the transaction of the work; raises `ResponseExists`."""
    headers = msgspec.json.encode(answer.headers).decode()
    arguments = (caller, key, fingerprint, answer.status, headers, answer.body)
    if not await connection.fetchval(REMEMBER, *arguments):
        raise ResponseExists("This key was used at the same time. Ask again for its answer.")


async def recall(
    connection: asyncpg.Connection, caller: str, key: str, fingerprint: bytes
) -> StoredResponse | None:
    """The answer stored under the key; raises `UnprocessableContent` for another request's."""
    row = await connection.fetchrow(RECALL, caller, key)
    if row is None:
        return None
    if row["fingerprint"] != fingerprint:
        told = "This key was used for another request."
        raise UnprocessableContent([FieldError(f"/{HEADER}", told, "key_reused", "header")])
    headers = msgspec.json.decode(row["headers"], type=dict[str, str])
    return replace(StoredResponse(row["status"], headers, row["body"]), replayed=True)


async def has_key(connection: asyncpg.Connection, caller: str, key: str) -> bool:
    """Whether a response is stored under the key, for this request or another one."""
    return bool(await connection.fetchval(HAS_KEY, caller, key))


async def forget_old_keys(db: Database, *, at_most: int = 10_000) -> int:
    """Delete keys older than a week, the oldest first, and return how many; fewer than `at_most`
    means that none is left. A service without the table has none."""

    async def work(connection: asyncpg.Connection) -> int:
        if not await connection.fetchval(KEEPS_KEYS):
            return 0
        done = await connection.execute(FORGET, LIFETIME_DAYS, at_most)
        return int(done.rpartition(" ")[2])

    return await db.transact(work)
