"""Broken rules of the models as problems."""

from __future__ import annotations

from aiohttp import web
from aiohttp.typedefs import Handler

from libs.rules.violations import RuleBroken
from libs.web.problems import FieldError, UnprocessableContent


@web.middleware
async def map_domain_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A rule that a field breaks is 422, by its field."""
    try:
        return await handler(request)
    except RuleBroken as refusal:
        errors = [
            FieldError(f"/{broken.field}", broken.message, broken.code)
            for broken in refusal.violations
        ]
        raise UnprocessableContent(errors) from refusal
