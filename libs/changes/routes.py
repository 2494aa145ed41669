"""GET /v1/changes/<service>: the change log, for auditors."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any

import msgspec
from aiohttp import web
from marshmallow import validates_schema

from libs.auth import Scope, requires
from libs.changes.log import ChangeAnswer, ChangeFilter, list_changes
from libs.postgres.pool import DATABASE
from libs.postgres.shares import Share
from libs.web.contract import Contract, endpoint
from libs.web.paging import decode_cursor, page_response
from libs.web.resources import page_schema
from libs.web.schemas import Day, Identifier, PageQuery, check_order
from libs.web.validation import query_of

MAX_KEY_LENGTH = 255

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Number = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


@dataclass(frozen=True, slots=True)
class ChangesQuery:
    """The query of a list of changes. `since` and `until` are days, both included."""

    subject: str | None
    actor: str | None
    since: date | None
    until: date | None
    limit: int
    cursor: str | None


class ChangesQuerySchema(PageQuery):
    """The query parameters of a change log."""

    makes = ChangesQuery

    subject = Identifier(
        maximum=MAX_KEY_LENGTH,
        load_default=None,
        metadata={"description": "Changes of this person, project, ...", "example": "auth0|erin"},
    )
    actor = Identifier(
        maximum=MAX_KEY_LENGTH,
        load_default=None,
        metadata={"description": "Changes made by this `sub`.", "example": "auth0|ada"},
    )
    since = Day(
        data_key="from",
        load_default=None,
        metadata={"description": "First day, UTC.", "example": "2026-11-01"},
    )
    until = Day(
        data_key="to",
        load_default=None,
        metadata={"description": "Last day, UTC.", "example": "2026-11-30"},
    )

    @validates_schema
    def check_range(self, data: dict[str, Any], **_options: Any) -> None:
        """Refuse a range that ends before it begins."""
        check_order(data)


class ChangeKey(msgspec.Struct, array_like=True):
    """The last row of a page."""

    at: Moment
    number: Number


def change_routes(name: str) -> list[web.RouteDef]:
    """The route of the change log of the service `name`."""

    @requires(Scope.READ_AUDIT)
    @endpoint(
        Contract(
            summary="List changes, newest first",
            description=(
                "Who changed what and when, with the old and the new values. Rows are "
                "append-only, and each carries the SHA-256 of the row before."
            ),
            query=ChangesQuerySchema(),
            answers={200: page_schema(ChangeAnswer)()},
        )
    )
    async def show_changes(request: web.Request) -> web.Response:
        query = query_of(request, ChangesQuery)
        async with request.app[DATABASE].connection(Share.REPORTS) as connection:
            found = await list_changes(connection, _filter(query))
        page = found[: query.limit]
        last = page[-1] if len(found) > query.limit else None
        items = [ChangeAnswer.of(row) for row in page]
        return page_response(request, items, ChangeKey(last.at, last.number) if last else None)

    return [web.get(f"/v1/changes/{name}", show_changes, allow_head=False)]


def _filter(query: ChangesQuery) -> ChangeFilter:
    end = query.until + timedelta(days=1) if query.until else date(9999, 1, 1)
    key = decode_cursor(query.cursor, ChangeKey) or ChangeKey(_midnight(end), 0)
    return ChangeFilter(
        at=min(key.at, _midnight(end)),
        number=key.number,
        limit=query.limit + 1,
        subject=query.subject,
        actor=query.actor,
        since=_midnight(query.since) if query.since else None,
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
