"""Errors of the models and of the database's types as problems."""

from __future__ import annotations

import asyncpg
from aiohttp import web

from libs.rules.violations import RuleBroken
from libs.web.paging import forged_cursor
from libs.web.problems import Conflict, FieldError, Problem, UnprocessableContent


class Closed(Conflict):
    """A week with a closed day is neither reopened nor rejected."""

    slug = "closed"


def problem_of_rule(request: web.Request, error: Exception) -> Problem | None:
    """A broken rule is 422 with its field, and so is a cursor with values out of range.

    A field that the address names is wrong there, not in the body.
    """
    if isinstance(error, RuleBroken):
        return UnprocessableContent(
            [
                FieldError(
                    f"/{each.field}",
                    each.message,
                    each.code,
                    "path" if each.field in request.match_info else "body",
                )
                for each in error.violations
            ]
        )
    if isinstance(error, asyncpg.DataError | OverflowError):
        return forged_cursor(request)
    return None
