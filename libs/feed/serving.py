"""A service's own feed over HTTP: `GET /v1/<prefix>/feed?after=&limit=&wait=`.

A response holds the events after the cursor, in order. `Link: <...>; rel="next"` is the address
of the next request and `Feed-Cursor` the cursor in it, which is the `sequence` of the last event.
`Feed-Head` is the sequence of the newest event: the difference shows how far behind a reader is.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg
from aiohttp import hdrs, web
from marshmallow import fields, post_load, validate

from libs.auth import PRINCIPAL, Principal, Scope, requires
from libs.feed.notifier import Notifier
from libs.feed.wire import CONTENT_TYPE, encode_batch
from libs.postgres.pool import DATABASE, Database
from libs.postgres.settings import DatabaseSettings
from libs.postgres.shares import Share
from libs.web.contract import Contract, endpoint
from libs.web.health import LIFECYCLE
from libs.web.problems import Conflict
from libs.web.schemas import StrictSchema
from libs.web.validation import query_of

CURSOR_HEADER = "Feed-Cursor"
HEAD_HEADER = "Feed-Head"

LAST_SEQUENCE = 2**63 - 1
DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
MAX_WAIT = 30.0
# A response ends after the event with which it exceeds this.
MAX_BYTES = 4 * 1024 * 1024
# Further readers get an empty page at once.
MAX_WAITING = 1000

READ = """
    SELECT sequence, id, type, subject, time, traceparent, data
    FROM (
        SELECT page.*, sum(size) OVER (ORDER BY sequence) - size AS before
        FROM (SELECT * FROM events WHERE sequence > $1 ORDER BY sequence LIMIT $2) AS page
    ) AS measured
    WHERE before < $3
    ORDER BY sequence
"""

READ_HEAD = "SELECT coalesce(max(sequence), 0) FROM events"


@dataclass(frozen=True, slots=True)
class Redaction:
    """Hides parts of events from partners.

    `redact` turns the type and the data of an event, a JSON object, into the data that partners
    read. The clients in `full_clients` are the project's own services and read everything.
    """

    full_clients: frozenset[str]
    redact: Callable[[str, str], str]

    def applies_to(self, principal: Principal) -> bool:
        """Whether the caller gets redacted events: machines that are not trusted with all."""
        return principal.client_id not in self.full_clients or not principal.is_machine

    def apply(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The same event with the part of its data that the caller may read."""
        return {**row, "data": self.redact(row["type"], row["data"])}


class CursorAhead(Conflict):
    """The cursor is ahead of the feed: its database was restored from an older backup."""

    slug = "cursor-ahead"


@dataclass(frozen=True, slots=True)
class FeedQuery:
    """The query of a feed. `wait` is in seconds."""

    after: int
    limit: int
    wait: float


class FeedQuerySchema(StrictSchema):
    """The query parameters of a feed."""

    after = fields.String(
        load_default="0",
        validate=validate.Regexp(r"[0-9]{1,20}\Z", error="A cursor of this feed is expected."),
        metadata={"description": "The cursor of the previous response."},
    )
    limit = fields.Integer(
        load_default=DEFAULT_LIMIT,
        validate=validate.Range(1, MAX_LIMIT, error=f"A whole number from 1 to {MAX_LIMIT}."),
        error_messages={"invalid": "A whole number is expected."},
        metadata={"description": "The largest number of events to return."},
    )
    wait = fields.Float(
        load_default=0.0,
        validate=validate.Range(0, MAX_WAIT, error=f"Seconds from 0 to {MAX_WAIT:g}."),
        error_messages={"invalid": "A number of seconds is expected."},
        metadata={"description": "Seconds to wait for an event if there is none."},
    )

    @post_load
    def _make(self, values: dict[str, Any], **_options: Any) -> FeedQuery:
        after = min(int(values["after"]), LAST_SEQUENCE)
        return FeedQuery(after, values["limit"], values["wait"])


@dataclass(frozen=True, slots=True)
class Page:
    """A page of events, the cursor after it, and the sequence of the newest event."""

    rows: list[asyncpg.Record]
    cursor: int
    head: int


class Feed:
    """Reads the feed; waits for the next event if there is none."""

    def __init__(self, db: Database, notifier: Notifier) -> None:
        self._db = db
        self._notifier = notifier
        self._waiting = 0

    async def read(self, query: FeedQuery) -> Page:
        """Read a page. Raises `CursorAhead`, and `ServiceUnavailable` without the database."""
        changed = self._notifier.subscribe()
        page = await self._read_page(query)
        if page.rows or not query.wait or self._waiting >= MAX_WAITING:
            return page
        self._waiting += 1
        try:
            return await self._wait(query, page, changed)
        finally:
            self._waiting -= 1

    async def _wait(self, query: FeedQuery, page: Page, changed: asyncio.Event) -> Page:
        deadline = asyncio.get_running_loop().time() + query.wait
        while not page.rows and not self._notifier.draining():
            try:
                async with asyncio.timeout_at(deadline):
                    await changed.wait()
            except TimeoutError:
                break
            changed = self._notifier.subscribe()
            page = await self._read_page(query)
        return page

    async def _read_page(self, query: FeedQuery) -> Page:
        async with self._db.connection(Share.FEEDS) as connection:
            rows = await connection.fetch(READ, query.after, query.limit, MAX_BYTES)
            cursor = rows[-1]["sequence"] if rows else query.after
            head = await connection.fetchval(READ_HEAD)
        if not rows and head < query.after:
            raise CursorAhead(f"This feed ends at {head}, before the cursor {query.after}.")
        return Page(rows, cursor, head)


FEED = web.AppKey("FEED", Feed)


def feed_context(
    settings: DatabaseSettings,
) -> Callable[[web.Application], AsyncIterator[None]]:
    """A cleanup context that sets up `FEED`. The database's context comes first."""

    async def serve_feed(app: web.Application) -> AsyncIterator[None]:
        lifecycle = app[LIFECYCLE]
        notifier = Notifier(lambda: lifecycle.draining)
        async with notifier.connected(settings):
            app[FEED] = Feed(app[DATABASE], notifier)
            yield

    return serve_feed


def feed_routes(prefix: str, redaction: Redaction | None = None) -> list[web.RouteDef]:
    """The route of this service's feed, at `/v1/{prefix}/feed`."""
    source = f"/v1/{prefix}"

    @requires(Scope.READ_EVENTS)
    @endpoint(
        Contract(
            summary="Follow what happens here",
            description=(
                "A JSON batch of CloudEvents 1.0, in commit order. Continue at the address in "
                f"`Link`, or with `after` set to `{CURSOR_HEADER}`. Of the events older than 90 "
                "days only the newest of each subject is kept."
            ),
            query=FeedQuerySchema(),
            answers={200: None},
            problems=(409,),
            produces=(CONTENT_TYPE,),
        )
    )
    async def show_feed(request: web.Request) -> web.Response:
        page = await request.app[FEED].read(query_of(request, FeedQuery))
        following = request.rel_url.update_query(after=str(page.cursor))
        rows: Iterable[Mapping[str, Any]] = page.rows
        if redaction is not None and redaction.applies_to(request[PRINCIPAL]):
            rows = map(redaction.apply, rows)
        return web.Response(
            body=encode_batch(source, rows),
            headers={
                hdrs.CONTENT_TYPE: CONTENT_TYPE,
                hdrs.LINK: f'<{following}>; rel="next"',
                CURSOR_HEADER: str(page.cursor),
                HEAD_HEADER: str(page.head),
            },
        )

    return [web.get(f"{source}/feed", show_feed, allow_head=False)]
