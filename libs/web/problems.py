"""Errors as RFC 9457 problems: one small tree, one shape on the wire."""

from __future__ import annotations

import http
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from libs.web.context import REQUEST_ID
from libs.web.log_sampling import LogSampler
from libs.web.metrics import METRICS, route_of
from libs.web.responses import encode_json

TYPE_BASE = "https://api.exampleco.com/problems/"
CONTENT_TYPE = "application/problem+json"

log = structlog.get_logger(__name__)
_unavailable = LogSampler()


@dataclass(frozen=True, slots=True)
class FieldError:
    """An error in one field.

    `pointer` is a JSON pointer (RFC 6901) into the part of the request that `location` names:
    body, query, path or header. `code` is stable, `message` is for people.
    """

    pointer: str
    message: str
    code: str = "invalid"
    location: str = "body"


class Problem(Exception):
    """An error response (RFC 9457). Subclasses fix the status and the type."""

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "internal-error"

    def __init__(
        self, detail: str, *, headers: Mapping[str, str] | None = None, **members: Any
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = members


class BadRequest(Problem):
    """The request cannot be read at all, broken JSON for one."""

    status = 400
    slug = "bad-request"


class Forbidden(Problem):
    """The caller holds the scope, but a rule denies this very resource."""

    status = 403
    slug = "forbidden"


class NotFound(Problem):
    """There is nothing here that the caller may see."""

    status = 404
    slug = "not-found"


class RequestTimeout(Problem):
    """The body did not arrive in time."""

    status = 408
    slug = "request-timeout"


class Conflict(Problem):
    """The resource is in a state that does not allow the change."""

    status = 409
    slug = "conflict"


class PreconditionFailed(Problem):
    """`If-Match` names a version that is no longer the present one."""

    status = 412
    slug = "stale-version"


class ClientClosedRequest(Problem):
    """The client hung up while sending. No client reads the response; 499 is nginx's status."""

    status = 499
    slug = "client-closed-request"


class ContentTooLarge(Problem):
    """The body is larger than the endpoint takes (RFC 9110 section 15.5.14)."""

    status = 413
    slug = "content-too-large"


class UnsupportedMediaType(Problem):
    """The body is of a kind or encoding that the endpoint does not read (RFC 9110 15.5.16)."""

    status = 415
    slug = "unsupported-media-type"


class UnprocessableContent(Problem):
    """The request can be read, but a field is wrong, unknown or breaks a rule."""

    status = 422
    slug = "invalid-fields"

    def __init__(self, errors: Sequence[FieldError], detail: str = "") -> None:
        messages = list(dict.fromkeys(error.message for error in errors))
        super().__init__(
            detail or " ".join(messages[:3]), errors=[asdict(error) for error in errors]
        )


class TooManyRequests(Problem):
    """The caller has used up a limit (RFC 6585 section 4)."""

    status = 429
    slug = "too-many-requests"


class ServiceUnavailable(Problem):
    """Something the service needs is away for now; `retry_after` is in seconds."""

    status = 503
    slug = "unavailable"

    def __init__(self, detail: str, *, retry_after: int = 1) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after)})


def problem_response(request: web.BaseRequest, problem: Problem) -> web.Response:
    """The answer that tells of `problem`, with the request id that leads to the log line."""
    return _respond(request, problem.status, problem.slug, problem)


def _respond(request: web.BaseRequest, status: int, slug: str, problem: Problem) -> web.Response:
    body = {
        "type": TYPE_BASE + slug,
        "title": phrase(status),
        "status": status,
        "detail": problem.detail,
        # Encoded, since it is a URI reference (RFC 9457 section 3.1.5).
        "instance": request.rel_url.raw_path,
        "request_id": request.get(REQUEST_ID, ""),
        **problem.members,
    }
    return web.Response(
        status=status, body=encode_json(body), content_type=CONTENT_TYPE, headers=problem.headers
    )


ErrorHandler = Callable[[web.Request, Exception], Problem | None]
"""Returns the problem of an error of its own kinds, and None for all others."""


def render_problems(error_handlers: Sequence[ErrorHandler] = ()) -> Middleware:
    """Turn every exception into a problem. An unhandled one is logged and its text kept back.

    The first of `error_handlers` that has a problem for an exception decides.
    """

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except Exception as error:
            try:
                problem = _problem_of(request, error, error_handlers)
            except Exception as mistake:
                return _report_unhandled(request, mistake)
            return _render_error(request, error, problem)

    return middleware


def _problem_of(
    request: web.Request, error: Exception, error_handlers: Sequence[ErrorHandler]
) -> Problem | None:
    if isinstance(error, Problem):
        return error
    problems = (handle(request, error) for handle in error_handlers)
    return next((problem for problem in problems if problem is not None), None)


def _render_error(
    request: web.Request, error: Exception, problem: Problem | None
) -> web.StreamResponse:
    if problem is not None:
        if problem.status == ServiceUnavailable.status:
            _log_unavailable(request, problem)
        return problem_response(request, problem)
    if isinstance(error, web.HTTPException):
        return _render_http_exception(request, error)
    is_closed = request.transport is None or request.transport.is_closing()
    if isinstance(error, ConnectionError) and is_closed:
        return problem_response(request, ClientClosedRequest("The client closed the request."))
    return _report_unhandled(request, error)


def _report_unhandled(request: web.Request, error: Exception) -> web.Response:
    log.error("unhandled error", method=request.method, path=request.path, exc_info=error)
    request.app[METRICS].errors.labels(request.method, route_of(request)).inc()
    return problem_response(request, Problem("Internal error. Quote the request id to support."))


def _log_unavailable(request: web.Request, problem: Problem) -> None:
    """Log a 503 with its cause: SQLSTATE and error of the database, if that is what failed."""
    cause = problem.__cause__
    sqlstate = getattr(cause, "sqlstate", None)
    omitted = _unavailable.admit((route_of(request), problem.detail, type(cause), sqlstate))
    if omitted is not None:
        log.warning(
            "request answered with 503",
            method=request.method,
            route=route_of(request),
            request_id=request.get(REQUEST_ID),
            detail=problem.detail,
            sqlstate=sqlstate,
            error=None if cause is None else f"{type(cause).__name__}: {cause}",
            omitted=omitted,
        )


def _render_http_exception(request: web.Request, exception: web.HTTPException) -> web.Response:
    """aiohttp's own refusals (404, 405, libs.auth's 401 and 403) in the same shape."""
    if exception.status < 400:
        raise exception
    title = phrase(exception.status)
    text = exception.text or ""
    detail = title if text == f"{exception.status}: {exception.reason}" else text or title
    if exception.status == NotFound.status and detail == title:
        detail = "Not found."
    headers = {
        name: value
        for name, value in exception.headers.items()
        if name.lower() not in ("content-type", "content-length")
    }
    slug = title.lower().replace(" ", "-")
    return _respond(request, exception.status, slug, Problem(detail, headers=headers))


# The phrases of RFC 9110, whatever the version of Python, and nginx's 499.
_PHRASES = {
    413: "Content Too Large",
    422: "Unprocessable Content",
    499: "Client Closed Request",
}


def phrase(status: int) -> str:
    """The reason phrase of a status, the same on every version of Python."""
    return _PHRASES.get(status) or http.HTTPStatus(status).phrase
