"""The model's refusals as problems."""

from __future__ import annotations

from aiohttp import web
from aiohttp.typedefs import Handler

from libs.web.problems import Conflict, Forbidden, NotFound, Problem
from services.approvals.model import NotYours, OwnWeek, WrongState

REFUSALS = (NotYours, OwnWeek, WrongState)


@web.middleware
async def map_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except REFUSALS as refusal:
        raise problem_of(refusal) from refusal


def problem_of(refusal: NotYours | OwnWeek | WrongState) -> Problem:
    """One's own week is 403, somebody else's 404, a wrong state 409."""
    if isinstance(refusal, OwnWeek):
        return Forbidden(str(refusal))
    if isinstance(refusal, NotYours):
        return NotFound("There is no such approval.")
    return Conflict(str(refusal), state=refusal.state)
