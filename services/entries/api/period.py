"""The closed period, and the rules an offline client has to know."""

from __future__ import annotations

import asyncpg
from aiohttp import web

from libs.auth import PRINCIPAL, Scope, authenticated, requires
from libs.postgres.pool import DATABASE
from libs.rules.calendar import latest_today
from libs.web.app import CLOCK
from libs.web.contract import Contract, endpoint
from libs.web.responses import json_response
from libs.web.schemas import MAX_LIMIT
from libs.web.validation import body_of
from services.entries import model
from services.entries.schemas.period import Closing, ClosingSchema, PeriodAnswer, RulesAnswer
from services.entries.store import period as store
from services.entries.store.people import read_target

ROUTES = web.RouteTableDef()


@ROUTES.get("/v1/entries/rules", allow_head=False)
@authenticated
@endpoint(
    Contract(
        summary="Read the rules that apply to the caller",
        description="One call primes a client that will be offline.",
        answers={200: RulesAnswer()},
    )
)
async def show_rules(request: web.Request) -> web.Response:
    principal = request[PRINCIPAL]
    async with request.app[DATABASE].connection() as connection:
        closed_through = await store.read_closed_through(connection)
        target = await read_target(connection, principal.subject)
    return json_response(
        {
            "limits": {
                "max_minutes_a_day": model.MAX_MINUTES_A_DAY,
                "max_days_ahead": model.MAX_DAYS_AHEAD,
                "max_note_length": model.MAX_NOTE_LENGTH,
                "max_task_length": model.MAX_TASK_LENGTH,
                "max_page": MAX_LIMIT,
            },
            "closed_through": closed_through,
            "scopes": sorted(principal.scopes),
            "target_minutes": target,
            "today": latest_today(request.app[CLOCK].now()),
        }
    )


@ROUTES.put("/v1/period")
@requires(Scope.MANAGE_TIMESHEETS)
@endpoint(
    Contract(
        summary="Close the period through a day",
        description="Days on or before it change no more. To open days again takes a reason.",
        body=ClosingSchema(),
        answers={200: PeriodAnswer()},
    )
)
async def close_period(request: web.Request) -> web.Response:
    closing, actor = body_of(request, Closing), request[PRINCIPAL].subject

    async def close(connection: asyncpg.Connection) -> None:
        await store.take_rules_lock(connection)
        present = await store.read_closed_through(connection)
        model.check_closing(closing.closed_through, present, closing.reason)
        if closing.closed_through != present:
            await store.close_period(connection, closing.closed_through, actor, closing.reason)

    await request.app[DATABASE].transact(close)
    return json_response({"closed_through": closing.closed_through})
