"""The closed period, and the rules that an offline client has to know."""

from __future__ import annotations

from aiohttp import web

from libs.auth import PRINCIPAL, Scope, authenticated, requires
from libs.postgres.pool import DATABASE
from libs.service.access import current_actor
from libs.web.app import CLOCK
from libs.web.contract import Contract, endpoint
from libs.web.resources import answer_schema
from libs.web.responses import json_response
from libs.web.schemas import MAX_LIMIT
from libs.web.validation import body_of
from services.entries import model
from services.entries.commands import period as commands
from services.entries.resources import Period
from services.entries.schemas.period import Closing, ClosingSchema, Limits, RulesAnswer
from services.entries.store import period as store
from services.entries.targets import total_of

ROUTES = web.RouteTableDef()

LIMITS = Limits(
    max_minutes_a_day=model.MAX_MINUTES_A_DAY,
    max_days_ahead=model.MAX_DAYS_AHEAD,
    max_note_length=model.MAX_NOTE_LENGTH,
    max_task_length=model.MAX_TASK_LENGTH,
    max_page=MAX_LIMIT,
)


@ROUTES.get("/v1/entries/rules", allow_head=False)
@authenticated
@endpoint(
    Contract(
        summary="Read the rules that apply to the caller",
        description="One call prepares a client for being offline.",
        answers={200: answer_schema(RulesAnswer)()},
    )
)
async def show_rules(request: web.Request) -> web.Response:
    """GET the limits, targets and scopes that the app checks by while it is offline."""
    principal, now = request[PRINCIPAL], request.app[CLOCK].now()
    async with request.app[DATABASE].connection() as connection:
        rules = await commands.read_rules(connection, principal.subject, now)
    return json_response(
        RulesAnswer(
            limits=LIMITS,
            closed_through=rules.closed_through,
            scopes=sorted(principal.scopes),
            target_minutes=total_of(rules.targets),
            targets=list(rules.targets),
            has_contract=rules.has_contract,
            today=rules.today,
        )
    )


@ROUTES.get("/v1/period", allow_head=False)
@requires(Scope.READ_TIMESHEETS)
@endpoint(
    Contract(
        summary="Read the closed period and its history",
        answers={200: answer_schema(Period)()},
    )
)
async def show_period(request: web.Request) -> web.Response:
    """GET the closed period and how it came about."""
    async with request.app[DATABASE].connection() as connection:
        return json_response(await store.read_period(connection))


@ROUTES.put("/v1/period")
@requires(Scope.MANAGE_TIMESHEETS, step_up=True)
@endpoint(
    Contract(
        summary="Close the period through a day",
        description=(
            "Entries on or before it cannot change any more, and weeks with such a day cannot be "
            "reopened. Yesterday (UTC) at the latest. Opening days again takes a reason."
        ),
        body=ClosingSchema(),
        answers={200: answer_schema(Period)()},
    )
)
async def close_period(request: web.Request) -> web.Response:
    """PUT the last closed day."""
    closing = body_of(request, Closing)
    period = await commands.close_period(
        request.app[DATABASE],
        closing.closed_through,
        closing.reason,
        current_actor(request),
        request.app[CLOCK].now(),
    )
    return json_response(period)
