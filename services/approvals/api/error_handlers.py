"""Errors of the model as problems."""

from __future__ import annotations

from aiohttp import web
from aiohttp.typedefs import Handler

from libs.web.etags import etag_of_representation
from libs.web.problems import Conflict, Forbidden, NotFound, PreconditionFailed, Problem
from services.approvals.api.serializers import serialize_details
from services.approvals.commands.approvals import ApprovalDetails
from services.approvals.commands.decisions import DECISION_ERRORS, DecisionError
from services.approvals.model import NotVisible, PeriodClosed, SelfApproval, StaleVersion


class Closed(Conflict):
    """The period is closed."""

    slug = "closed"


@web.middleware
async def map_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn errors of the model and of commands into problems."""
    try:
        return await handler(request)
    except DECISION_ERRORS as error:
        raise problem_of(error) from error
    except StaleVersion as error:
        raise _stale(error) from error


def problem_of(error: DecisionError) -> Problem:
    """One's own week is 403, somebody else's 404, a wrong state or a closed period 409."""
    if isinstance(error, SelfApproval):
        return Forbidden(str(error))
    if isinstance(error, NotVisible):
        return NotFound("There is no such approval.")
    if isinstance(error, PeriodClosed):
        return Closed(str(error), lock_reason="closed")
    return Conflict(str(error), state=error.state)


def _stale(error: StaleVersion) -> PreconditionFailed:
    if not isinstance(error.current, ApprovalDetails):
        raise TypeError("a stale decision carries the present approval")
    current = serialize_details(error.current)
    headers = {"ETag": etag_of_representation(current)}
    return PreconditionFailed(str(error), headers=headers, version=error.version, current=current)
