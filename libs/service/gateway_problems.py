"""Problems on behalf of the gateway, which can only write plain text.

Any pod of any service can answer: the gateway sends here the errors that it makes itself, and
every path under /v1 for which it has no pod.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from aiohttp import web

from libs.auth import public
from libs.web.problems import (
    ErrorHandler,
    NotFound,
    Problem,
    ServiceUnavailable,
    TooManyRequests,
    problem_response,
)

RETRY_SECONDS = 5

# Which service owns which paths: those of the Ingress.
PATHS: Mapping[str, Sequence[str]] = {
    "entries": (
        "/v1/entries",
        "/v1/timesheets",
        "/v1/absences",
        "/v1/holidays",
        "/v1/calendar",
        "/v1/projects",
        "/v1/period",
        "/v1/batches",
        "/v1/reports",
        "/v1/changes/entries",
    ),
    "approvals": ("/v1/approvals", "/v1/changes/approvals"),
    "profile": ("/v1/profile", "/v1/people", "/v1/changes/profile"),
}


class BadGateway(Problem):
    """The service ended the connection without a response."""

    status = 502
    slug = "bad-gateway"


class GatewayTimeout(Problem):
    """The service did not respond in time."""

    status = 504
    slug = "gateway-timeout"


def gateway_problems() -> list[web.RouteDef]:
    """The route that the gateway's `errors` middleware asks; the Ingress does not lead to it."""
    return [web.get(r"/problems/{status:\d{3}}", render_gateway_problem)]


@public
async def render_gateway_problem(request: web.Request) -> web.Response:
    """The problem for a status; the query parameter `url` is what the client had asked for."""
    problem = _problem(request.match_info["status"])
    problem.members["instance"] = urlsplit(request.query.get("url", "")).path
    return problem_response(request, problem)


def _problem(status: str) -> Problem:
    headers = {"Retry-After": str(RETRY_SECONDS)}
    match status:
        case "429":
            detail = "Too many requests from this address or with this token."
            return TooManyRequests(detail, headers={"Retry-After": "1"})
        case "502":
            detail = "The connection to the service broke. Whether it acted is not known."
            return BadGateway(detail, headers=headers)
        case "503":
            return ServiceUnavailable("The service is not available.", retry_after=RETRY_SECONDS)
        case "504":
            detail = "The service took too long. Whether it acted is not known."
            return GatewayTimeout(detail, headers=headers)
        case _:
            return NotFound("Not found.")


def report_absent_services(name: str) -> ErrorHandler:
    """A handler of errors: 503 for paths of services other than `name`, which have no pod now."""
    others = [path for service, paths in PATHS.items() if service != name for path in paths]

    def problem_of_path(request: web.Request, error: Exception) -> Problem | None:
        if isinstance(error, web.HTTPNotFound) and any(
            request.path == path or request.path.startswith(f"{path}/") for path in others
        ):
            return ServiceUnavailable("The service is not available.", retry_after=RETRY_SECONDS)
        return None

    return problem_of_path
