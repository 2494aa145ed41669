"""The model's refusals as problems."""

from __future__ import annotations

from aiohttp import web
from aiohttp.typedefs import Handler

from libs.web.problems import Conflict
from services.entries.model import (
    Locked,
    WrongState,
)


@web.middleware
async def map_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A wrong state or a lock is 409, and says what would unlock it."""
    try:
        return await handler(request)
    except Locked as refusal:
        raise Conflict(
            str(refusal), lock_reason=refusal.lock.reason, unlock=refusal.lock.unlock
        ) from refusal
    except WrongState as refusal:
        raise Conflict(str(refusal), state=refusal.state) from refusal
