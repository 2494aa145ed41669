"""Responses stored by idempotency key, so that a request can be repeated safely.

The header is that of draft-ietf-httpapi-idempotency-key-header. The response is stored in the
transaction of the work: neither exists without the other.
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
from libs.postgres.shares import Share
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
    """A response in a form that can be stored."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    replayed: bool = False

    @classmethod
    def of(cls, response: web.Response) -> Self:
        """Take status, headers and body of a response that has not been sent yet."""
        body = response.body
        if not isinstance(body, bytes | bytearray | None):
            raise TypeError("only a body of bytes can be stored")
        return cls(response.status, dict(response.headers), bytes(body or b""))

    def response(self) -> web.Response:
        """The response to send. A body is JSON unless the headers say otherwise."""
        headers = CIMultiDict(self.headers)
        if self.body:
            headers.setdefault(hdrs.CONTENT_TYPE, "application/json")
        if self.replayed:
            headers[REPLAYED] = "true"
        return web.Response(status=self.status, headers=headers, body=self.body)


class ResponseExists(Conflict):
    """A concurrent request stored its response under this key first."""

    slug = "answer-exists"


def idempotency_key(request: web.Request, *, required: bool = False) -> str | None:
    """The key of the request, or None.

    Raises `BadRequest` if it is `required` and missing, `UnprocessableContent` if it is invalid.
    """
    given = request.headers.getall(HEADER, [])
    if not given:
        if required:
            raise BadRequest(f"This request needs the header {HEADER}.")
        return None
    value = given[0].strip()
    if match := _quoted(value):
        value = re.sub(r"\\(.)", r"\1", match[1])
    if len(given) > 1 or not _acceptable(value):
        message = f"One key of 1 to {MAX_KEY_LENGTH} visible characters is expected."
        raise UnprocessableContent([FieldError(f"/{HEADER}", message, "key", "header")])
    return value


async def fingerprint(request: web.Request) -> bytes:
    """The hash of method, path, query and body. Two requests are the same if theirs is."""
    digest = hashlib.sha256(await request.read()).digest()
    return fingerprint_of(request.method, request.path_qs, digest)


def fingerprint_of(method: str, target: str, body_digest: bytes) -> bytes:
    """As `fingerprint`, for a body whose SHA-256 was computed while it was streamed."""
    return hashlib.sha256(msgspec.json.encode((method, target)) + body_digest).digest()


async def idempotent_response(
    request: web.Request, caller: str, work: Work[StoredResponse], *, required: bool = False
) -> web.Response:
    """The response of `work`, or the one stored under the request's key."""
    key = idempotency_key(request, required=required)
    identity = await fingerprint(request) if key is not None else b""
    stored = await idempotent(request.app[DATABASE], caller, key, identity, work)
    return stored.response()


async def idempotent(
    db: Database,
    caller: str,
    key: str | None,
    fingerprint: bytes,
    work: Work[StoredResponse],
) -> StoredResponse:
    """Run `work` in a transaction that stores its response, or return the stored response.

    Concurrent requests with one key are serialised by the primary key: the second INSERT blocks
    until the first transaction ends and, if it committed, the second one rolls back and replays
    the stored response. So a first request costs one more statement, and the key is looked up
    only after a failure, which may mean that the request is a repetition. If the outcome of
    COMMIT is unknown, the look-up resolves it, now or when the request is repeated.

    Errors that `work` raises are not stored. Raises `UnprocessableContent` for a key that was
    used for another request.
    """
    if key is None:
        return await db.transact(work)

    async def attempt(connection: asyncpg.Connection) -> StoredResponse:
        response = await work(connection)
        await remember(connection, caller, key, fingerprint, response)
        return response

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
    response: StoredResponse,
) -> None:
    """Store the response in the transaction of the work. Raises `ResponseExists`."""
    headers = msgspec.json.encode(response.headers).decode()
    arguments = (caller, key, fingerprint, response.status, headers, response.body)
    if not await connection.fetchval(REMEMBER, *arguments):
        raise ResponseExists("This key was used at the same time. Send the request again.")


async def recall(
    connection: asyncpg.Connection, caller: str, key: str, fingerprint: bytes
) -> StoredResponse | None:
    """The response stored under the key, or None.

    Raises `UnprocessableContent` if it is that of another request.
    """
    row = await connection.fetchrow(RECALL, caller, key)
    if row is None:
        return None
    if row["fingerprint"] != fingerprint:
        message = "This key was used for another request."
        raise UnprocessableContent([FieldError(f"/{HEADER}", message, "key_reused", "header")])
    headers = msgspec.json.decode(row["headers"], type=dict[str, str])
    return replace(StoredResponse(row["status"], headers, row["body"]), replayed=True)


async def has_key(connection: asyncpg.Connection, caller: str, key: str) -> bool:
    """Whether a response is stored under the key, for this request or another one."""
    return bool(await connection.fetchval(HAS_KEY, caller, key))


async def forget_old_keys(db: Database, *, at_most: int = 10_000) -> int:
    """Delete keys older than a week, the oldest first, and return how many.

    Fewer than `at_most` means that none is left. A service without the table has none.
    """

    async def work(connection: asyncpg.Connection) -> int:
        if not await connection.fetchval(KEEPS_KEYS):
            return 0
        done = await connection.execute(FORGET, LIFETIME_DAYS, at_most)
        return int(done.rpartition(" ")[2])

    return await db.transact(work, share=Share.BATCHES)
