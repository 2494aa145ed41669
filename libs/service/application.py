"""A service's application: its own routes, behind what every service has."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence

import aiohttp
from aiohttp import hdrs, web

from libs.auth import (
    PRINCIPAL,
    AuthSettings,
    FetchOutcome,
    JwksKeys,
    Outcome,
    RejectionLimit,
    TokenVerifier,
    authenticator,
    check_routes,
    public,
    scopes_of,
)
from libs.feed.applying import Handlers
from libs.feed.following import follow
from libs.feed.housekeeping import housekeeping
from libs.feed.serving import Redaction, feed_context, feed_routes
from libs.postgres.pool import database_context
from libs.service.access import token_fields
from libs.service.admission import admission_context, check_admission
from libs.service.error_handlers import problem_of_rule
from libs.service.gateway_problems import gateway_problems, report_absent_services
from libs.service.resource_metadata import resource_metadata_route
from libs.service.settings import FEED_PREFIXES, ServiceSettings
from libs.web.apidocs import ApiPage, api_routes
from libs.web.app import create_application
from libs.web.logs import CALLER, TOKEN_FIELDS
from libs.web.metrics import METRICS, Metrics
from libs.web.problems import ErrorHandler

HTTP_SESSION = web.AppKey("HTTP_SESSION", aiohttp.ClientSession)
VERIFIER = web.AppKey("VERIFIER", TokenVerifier)

# More than one address gets through the ingress, less than a twentieth of a core's time.
REJECTING_CALLERS = 5

API_VERSION = "1.0"
API_NAME = "ExampleCo Timesheets"


def create_service(
    name: str,
    title: str,
    settings: ServiceSettings,
    routes: Sequence[web.RouteDef],
    error_handlers: Sequence[ErrorHandler] = (),
    handlers: Mapping[str, Handlers] | None = None,
    redact: Callable[[str, str], str] | None = None,
) -> web.Application:
    """Everything wired, nothing connected: that happens when the application starts.

    `handlers` say what to do with the events of the feeds that the settings name. `redact` leaves
    out of this service's own events what partners must not read.
    """
    redaction = Redaction(frozenset(settings.full_feed_clients), redact) if redact else None
    routes = [*feed_routes(FEED_PREFIXES[name], redaction), *routes]
    page = ApiPage(
        name,
        title,
        API_VERSION,
        scopes_of,
        issuer=settings.auth.issuer,
        audience=settings.auth.audience,
        client_id=settings.docs_client_id,
    )
    documentation = api_routes(page, routes)
    for route in documentation:
        public(route.handler)
    documentation.append(resource_metadata_route(settings.auth, API_NAME))
    served = [*routes, *documentation]
    app = create_application(
        settings.web,
        Metrics(),
        [*served, *head_routes(served), *gateway_problems()],
        [
            authenticator(VERIFIER, admit=admit, step_up_max_age=settings.auth.step_up_max_age),
        ],
        [report_absent_services(name), problem_of_rule, *error_handlers],
    )
    check_routes(app)
    app.cleanup_ctx.extend(
        [
            open_session,
            verifier_context(settings.auth, settings.web.rate_limit),
            database_context(settings.database),
            admission_context(),
            feed_context(settings.database),
            housekeeping(),
        ]
    )
    following = settings.following
    if following is not None:
        audience = settings.auth.audience
        app.cleanup_ctx.append(
            follow(following.sources, handlers or {}, following.machine, audience)
        )
    return app


def head_routes(routes: Iterable[web.RouteDef]) -> list[web.RouteDef]:
    """HEAD wherever GET is (RFC 9110 9.3.2): the same handler, whose body aiohttp leaves out."""
    return [web.head(each.path, each.handler) for each in routes if each.method == hdrs.METH_GET]


async def admit(request: web.Request) -> None:
    """Name the caller for the rate limit, and the caller and the token for the access log. Refuse
    deactivated people and revoked tokens, whatever their scopes."""
    principal = request[PRINCIPAL]
    request[CALLER] = principal.subject
    request[TOKEN_FIELDS] = token_fields(principal)
    await check_admission(request)


async def open_session(app: web.Application) -> AsyncIterator[None]:
    """The client that fetches keys and machine tokens and follows feeds."""
    async with aiohttp.ClientSession() as session:
        app[HTTP_SESSION] = session
        yield


def verifier_context(
    settings: AuthSettings, rate_limit: int | None
) -> Callable[[web.Application], AsyncIterator[None]]:
    """A cleanup context that puts the token verifier and its keys into the application.

    The process rejects as many tokens a second as REJECTING_CALLERS callers at their limit.
    """

    async def make_verifier(app: web.Application) -> AsyncIterator[None]:
        rejections = None if rate_limit is None else RejectionLimit(rate_limit * REJECTING_CALLERS)
        metrics = app[METRICS]
        # A series that begins with its first event hides that event from rate().
        fetches = {outcome: metrics.key_fetches.labels(outcome) for outcome in FetchOutcome}
        # Finding a counter by its label costs more than counting, and each request is counted.
        verified = {outcome: metrics.token_verifications.labels(outcome) for outcome in Outcome}
        keys = JwksKeys(
            app[HTTP_SESSION],
            settings.issuer,
            settings.jwks_url,
            on_fetch=lambda outcome: fetches[outcome].inc(),
        )
        app[VERIFIER] = TokenVerifier(
            settings.issuer,
            settings.audience,
            keys,
            on_verified=lambda outcome: verified[outcome].inc(),
            rejections=rejections,
        )
        yield
        await keys.close()

    return make_verifier
