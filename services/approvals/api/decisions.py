"""Decisions, one and many."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import asyncpg
import msgspec
from aiohttp import web

from libs.auth import Scope, requires
from libs.feed.events import deferred_publish
from libs.postgres.pool import DATABASE
from libs.web.app import CLOCK
from libs.web.contract import Contract, endpoint
from libs.web.etags import expected_version, require_version, resource_response
from libs.web.problems import Problem, ServiceUnavailable, problem_response
from libs.web.responses import json_response
from libs.web.validation import body_of
from services.approvals import feeds, model
from services.approvals.api.access import (
    APPROVAL,
    approval_id_of,
    caller_of,
    found,
    serialize_details,
    standing_in,
    tag_of,
)
from services.approvals.api.error_handlers import REFUSALS, problem_of
from services.approvals.api.serializers import Json
from services.approvals.chain import StepKind, add_step
from services.approvals.model import MAX_DECISIONS, Standing, Today, Verdict
from services.approvals.schemas.approvals import ApprovalAnswer
from services.approvals.schemas.decisions import (
    OutcomesAnswer,
    Verdicts,
    VerdictSchema,
    VerdictsSchema,
)
from services.approvals.store import approvals as store
from services.approvals.store.approvals import Case

ROUTES = web.RouteTableDef()


@ROUTES.put(f"{APPROVAL}/decision")
@requires(Scope.APPROVE_TIMESHEETS)
@endpoint(
    Contract(
        summary="Approve or reject a submission",
        description=(
            "Repeating one's decision changes nothing. Should the person have withdrawn the week "
            "before the decision reaches it, the approval becomes withdrawn."
        ),
        body=VerdictSchema(),
        answers={200: ApprovalAnswer()},
        problems=(404, 409, 412),
        headers=("If-Match",),
    )
)
async def put_decision(request: web.Request) -> web.Response:
    verdict, approval_id = body_of(request, Verdict), approval_id_of(request)
    expected = expected_version(request)

    async def decide(connection: asyncpg.Connection) -> Json:
        async with deferred_publish(connection):
            case, standing = await _decide(request, connection, approval_id, verdict, expected)
            return await serialize_details(connection, case, standing)

    shape = await request.app[DATABASE].transact(decide)
    return resource_response(request, shape, tag_of(shape))


@ROUTES.post("/v1/approvals/decisions")
@requires(Scope.APPROVE_TIMESHEETS)
@endpoint(
    Contract(
        summary="Approve or reject several submissions",
        description=(
            f"Up to {MAX_DECISIONS}, each by itself: what is wrong with one does not keep the "
            "others. The answer has a result for each, in the order sent."
        ),
        body=VerdictsSchema(),
        answers={200: OutcomesAnswer()},
    )
)
async def decide_many(request: web.Request) -> web.Response:
    verdicts = body_of(request, Verdicts)
    items: list[Json] = []
    for approval_id in verdicts.ids:
        try:
            await _decide_one(request, approval_id, verdicts.verdict)
        except Problem as problem:
            if isinstance(problem, ServiceUnavailable) and not items:
                raise
            items.append(_refused(request, approval_id, problem))
        else:
            items.append({"id": approval_id, "status": 200})
    return json_response({"items": items})


async def _decide_one(request: web.Request, approval_id: UUID, verdict: Verdict) -> None:
    async def decide(connection: asyncpg.Connection) -> None:
        await _decide(request, connection, approval_id, verdict, None)

    try:
        await request.app[DATABASE].transact(decide)
    except REFUSALS as refusal:
        raise problem_of(refusal) from refusal


async def _decide(
    request: web.Request,
    connection: asyncpg.Connection,
    approval_id: UUID,
    verdict: Verdict,
    expected: int | None,
) -> tuple[Case, Standing | None]:
    """The approval as decided, and why the caller could."""
    caller, now = caller_of(request), request.app[CLOCK].now()
    case = found(await store.lock_case(connection, approval_id))
    standing = standing_in(case, caller, Today.at(now))
    if model.is_repeated(case.approval, verdict, caller.person):
        return case, standing
    standing = model.check_decidable(case.approval, standing, caller.person)
    if expected is not None and expected != case.approval.version:
        current = await serialize_details(connection, case, standing)
        require_version(expected, case.approval.version, current)
    decided, step = add_step(
        model.decide(case.approval, verdict, caller.person, standing, now, case.target_minutes),
        StepKind(verdict.decision.outcome.value),
        now,
        caller.person,
        reason=verdict.reason,
        acting_for=standing.acting_for,
        why=standing.why,
    )
    await store.save_approval(connection, decided, step)
    await feeds.publish_decided(connection, decided)
    return replace(case, approval=decided), standing


def _refused(request: web.Request, approval_id: UUID, problem: Problem) -> Json:
    told = problem_response(request, problem).text or "null"
    return {"id": approval_id, "status": problem.status, "problem": msgspec.Raw(told)}
