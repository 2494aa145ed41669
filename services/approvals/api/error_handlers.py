"""Domain errors as problems."""

from __future__ import annotations

from aiohttp import web

from libs.rules.errors import NotVisible, StaleVersion
from libs.rules.locks import UNLOCK_CLOSED
from libs.service.error_handlers import Closed
from libs.web.etags import etag_of_representation
from libs.web.problems import Conflict, Forbidden, NotFound, PreconditionFailed, Problem
from services.approvals.api.serializers import serialize_details
from services.approvals.commands.approvals import ApprovalDetails
from services.approvals.commands.decisions import DECISION_ERRORS, DecisionError
from services.approvals.model import PeriodClosed, SelfApproval


def problem_of(_request: web.Request, error: Exception) -> Problem | None:
    """The problem of an error of the model or of a command."""
    if isinstance(error, DECISION_ERRORS):
        return problem_of_decision(error)
    return _stale(error) if isinstance(error, StaleVersion) else None


def problem_of_decision(error: DecisionError) -> Problem:
    """One's own week is 403, somebody else's 404, a wrong state or a closed period 409."""
    if isinstance(error, SelfApproval):
        return Forbidden(str(error))
    if isinstance(error, NotVisible):
        return NotFound("There is no such approval.")
    if isinstance(error, PeriodClosed):
        return Closed(str(error), lock_reason="closed", unlock=UNLOCK_CLOSED)
    return Conflict(str(error), state=error.state)


def _stale(error: StaleVersion) -> PreconditionFailed:
    if not isinstance(error.current, ApprovalDetails):
        raise TypeError("a stale decision carries the present approval")
    current = serialize_details(error.current)
    headers = {"ETag": etag_of_representation(current)}
    return PreconditionFailed(str(error), headers=headers, version=error.version, current=current)
