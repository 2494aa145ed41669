"""Domain errors as problems."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from libs.rules.errors import AlreadyExists, NotAllowed, NotVisible, StaleVersion, WrongState
from libs.service.error_handlers import Closed
from libs.web.etags import etag_of
from libs.web.problems import Conflict, Forbidden, NotFound, PreconditionFailed, Problem
from services.entries.api.serializers import (
    serialize_absence,
    serialize_entry,
    serialize_timesheet,
)
from services.entries.calendar import Absence
from services.entries.commands.timesheets import WholeWeek
from services.entries.model import Locked, PeriodClosed
from services.entries.store.entries import EntryInContext


def problem_of(_request: web.Request, error: Exception) -> Problem | None:
    """The problem of a domain error: 404, 403, 409 or 412."""
    match error:
        case NotVisible():
            return NotFound(str(error))
        case NotAllowed():
            return Forbidden(str(error))
        case PeriodClosed():
            return Closed(str(error), lock_reason=error.lock.reason, unlock=error.lock.unlock)
        case Locked():
            return Conflict(str(error), lock_reason=error.lock.reason, unlock=error.lock.unlock)
        case WrongState():
            return Conflict(str(error), state=error.state)
        case AlreadyExists():
            return Conflict(str(error), **_current(error.current))
        case StaleVersion():
            return _stale(error)
        case _:
            return None


def _stale(error: StaleVersion) -> PreconditionFailed:
    if error.version is None:
        return PreconditionFailed(str(error))
    return PreconditionFailed(
        str(error),
        headers={"ETag": etag_of(error.version)},
        version=error.version,
        **_current(error.current),
    )


def _current(value: object) -> dict[str, Any]:
    """The current representation, as the member of a problem."""
    if isinstance(value, EntryInContext):
        return {"current": serialize_entry(value)}
    if isinstance(value, WholeWeek):
        return {"current": serialize_timesheet(value)}
    if isinstance(value, Absence):
        return {"current": serialize_absence(value, None)}
    return {} if value is None else {"current": value}
