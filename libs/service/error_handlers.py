"""Errors of the models and of the database's types as problems."""

from __future__ import annotations

import asyncpg
from aiohttp import web
from aiohttp.typedefs import Handler

from libs.rules.violations import RuleBroken
from libs.web.paging import forged_cursor
from libs.web.problems import FieldError, UnprocessableContent


@web.middleware
async def map_domain_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A broken rule is 422 with its field, and so is a cursor with values out of range."""
    try:
        return await handler(request)
    except RuleBroken as refusal:
        errors = [
            FieldError(f"/{broken.field}", broken.message, broken.code)
            for broken in refusal.violations
        ]
        raise UnprocessableContent(errors) from refusal
    except (asyncpg.DataError, OverflowError) as error:
        if forged := forged_cursor(request):
            raise forged from error
        raise
