"""Decisions, one and many."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from aiohttp import web

from libs.auth import Scope, requires
from libs.postgres.pool import DATABASE
from libs.service.access import current_actor
from libs.service.preconditions import preconditions_of
from libs.web.app import CLOCK
from libs.web.contract import Contract, endpoint
from libs.web.etags import etag_of_representation, resource_response
from libs.web.problems import problem_response
from libs.web.responses import json_response
from libs.web.validation import body_of
from services.approvals.api.access import APPROVAL, approval_id_of, current_caller
from services.approvals.api.error_handlers import problem_of_decision
from services.approvals.api.serializers import serialize_details
from services.approvals.commands.decisions import DecisionError, decide, decide_many
from services.approvals.model import MAX_DECISIONS, DecisionRequest
from services.approvals.schemas.approvals import ApprovalAnswer
from services.approvals.schemas.decisions import (
    BulkDecision,
    BulkDecisionSchema,
    DecisionResultsAnswer,
    DecisionSchema,
)

ROUTES = web.RouteTableDef()


@ROUTES.put(f"{APPROVAL}/decision")
@requires(Scope.APPROVE_TIMESHEETS, step_up=True)
@endpoint(
    Contract(
        summary="Approve or reject a submission",
        description=(
            "Repeating your decision changes nothing. If the person withdraws the week before the "
            "decision reaches it, the approval becomes withdrawn. A week with a day in the closed "
            "period can't be rejected: 409."
        ),
        body=DecisionSchema(),
        answers={200: ApprovalAnswer()},
        problems=(404, 409, 412),
        headers=("If-Match",),
    )
)
async def put_decision(request: web.Request) -> web.Response:
    """PUT the decision on one approval; the same decision again changes nothing."""
    details = await decide(
        request.app[DATABASE],
        approval_id_of(request),
        current_caller(request),
        current_actor(request),
        body_of(request, DecisionRequest),
        request.app[CLOCK].now(),
        preconditions_of(request),
    )
    answer = serialize_details(details)
    return resource_response(request, answer, etag_of_representation(answer))


@ROUTES.post("/v1/approvals/decisions")
@requires(Scope.APPROVE_TIMESHEETS, step_up=True)
@endpoint(
    Contract(
        summary="Approve or reject several submissions",
        description=(
            f"Up to {MAX_DECISIONS}, with a result for each in the order given: the refusal of "
            "one does not affect the others."
        ),
        body=BulkDecisionSchema(),
        answers={200: DecisionResultsAnswer()},
    )
)
async def post_decisions(request: web.Request) -> web.Response:
    """POST one decision on up to 100 approvals, with a result for each."""
    bulk = body_of(request, BulkDecision)
    outcomes = await decide_many(
        request.app[DATABASE],
        bulk.ids,
        current_caller(request),
        current_actor(request),
        bulk.request,
        request.app[CLOCK].now(),
    )
    items = [_result(request, approval_id, error) for approval_id, error in outcomes]
    return json_response({"items": items})


def _result(request: web.Request, approval_id: UUID, error: DecisionError | None) -> dict[str, Any]:
    if error is None:
        return {"id": approval_id, "status": 200}
    problem = problem_of_decision(error)
    body = problem_response(request, problem).text or "null"
    return {"id": approval_id, "status": problem.status, "problem": msgspec.Raw(body)}
