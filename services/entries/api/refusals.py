"""The model's refusals as problems."""

from __future__ import annotations

from aiohttp import web
from aiohttp.typedefs import Handler

from libs.web.problems import Conflict, FieldError, UnprocessableContent
from services.entries.model import Locked, RuleBroken, WrongState


@web.middleware
async def tell_refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A broken rule of section 4 is 422, a wrong state or a lock 409."""
    try:
        return await handler(request)
    except RuleBroken as refusal:
        errors = [
            FieldError(f"/{broken.field}", broken.message, broken.code)
            for broken in refusal.violations
        ]
        raise UnprocessableContent(errors) from refusal
    except Locked as refusal:
        raise Conflict(
            str(refusal), lock_reason=refusal.lock.reason, unlock=refusal.lock.unlock
        ) from refusal
    except WrongState as refusal:
        raise Conflict(str(refusal), state=refusal.state) from refusal
