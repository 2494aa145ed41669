"""The application factory: what every service is made of, in the order it takes effect."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware

from libs.web.context import send_request_id
from libs.web.cors import allow_origins, answer_preflights
from libs.web.guards import Guard, run_guards
from libs.web.health import LIFECYCLE, Lifecycle
from libs.web.metrics import METRICS, Metrics
from libs.web.observation import observe_request
from libs.web.problems import ErrorHandler, render_problems
from libs.web.rate_limit import RateLimit, limit_rate
from libs.web.request_body import BODY_SECONDS, DEFAULT_BODY_SECONDS, MAX_JSON_BYTES
from libs.web.responses import Preparation, prepare_by
from libs.web.server import announce_draining, track_request
from libs.web.settings import WebSettings
from libs.web.tracing import is_tracing, trace_request
from libs.web.validation import check_request


class Clock:
    """The current time. Tests replace it with a clock that stands still."""

    def now(self) -> datetime:
        """The present time in UTC."""
        return datetime.now(UTC)


CLOCK = web.AppKey("CLOCK", Clock)


def create_application(
    settings: WebSettings,
    metrics: Metrics,
    routes: Iterable[web.RouteDef],
    authentication: Sequence[Guard],
    error_handlers: Sequence[ErrorHandler] = (),
) -> web.Application:
    """An application that is measured, answers problems, checks callers, rates and requests.

    `authentication` are the guards that find out who is calling; they set
    `libs.web.logs.CALLER`, by which the rate limit tells callers apart. `error_handlers` know the
    problems of the application's own errors.
    """
    guards = [*authentication, check_request]
    if settings.rate_limit is not None:
        guards.insert(-1, limit_rate(RateLimit(settings.rate_limit)))
    middlewares: list[Middleware] = [track_request, observe_request]
    if is_tracing():
        middlewares.append(trace_request)
    middlewares.append(render_problems(error_handlers))
    if settings.cors_origins:
        middlewares.append(answer_preflights(settings.cors_origins))
    middlewares.append(run_guards(guards))

    app = web.Application(middlewares=middlewares, client_max_size=MAX_JSON_BYTES)
    app[METRICS] = metrics
    app[LIFECYCLE] = lifecycle = Lifecycle()
    # Counted when it is read: a gauge takes a lock for each change.
    metrics.in_flight.set_function(lambda: len(lifecycle.requests))
    app[CLOCK] = Clock()
    app[BODY_SECONDS] = DEFAULT_BODY_SECONDS
    preparations: list[Preparation] = [send_request_id, announce_draining, keep_private]
    if settings.cors_origins:
        preparations.append(allow_origins(settings.cors_origins))
    app.on_response_prepare.append(prepare_by(*preparations))
    app.add_routes(list(routes))
    return app


def keep_private(_request: web.Request, response: web.StreamResponse) -> None:
    """Let caches store no personal data.

    It also removes the `Server` header, which would name the version of Python.
    """
    response.headers.popall(hdrs.SERVER, None)
    response.headers.setdefault(hdrs.CACHE_CONTROL, "no-store")
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
