"""The model's refusals as problems."""

from __future__ import annotations

from aiohttp import web
from aiohttp.typedefs import Handler

from libs.web.problems import FieldError, UnprocessableContent
from services.profile.model import RuleBroken


@web.middleware
async def tell_refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A broken rule is 422, by its field."""
    try:
        return await handler(request)
    except RuleBroken as refusal:
        errors = [
            FieldError(f"/{broken.field}", broken.message, broken.code)
            for broken in refusal.violations
        ]
        raise UnprocessableContent(errors) from refusal
