"""Sessions, forgery protection and errors, for every page."""

from __future__ import annotations

import time
from functools import partial
from urllib.parse import quote

import structlog
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from libs.postgres.pool import DATABASE
from libs.web.context import REQUEST_ID
from libs.web.logs import CALLER
from libs.web.metrics import METRICS, route_of
from libs.web.problems import ServiceUnavailable
from portal.access import is_public, scopes_of
from portal.api_client import API, ApiProblem, ApiUnavailable, StepUpRequired
from portal.badges import BADGES
from portal.context import create_api
from portal.cookies import COOKIES, LANGUAGE_COOKIE, SESSION_COOKIE
from portal.forms import CSRF_FIELD, CSRF_HEADER, form_of, read_body
from portal.i18n import LANGUAGE, _, accepted_languages, choose_language
from portal.identity.issuer import ISSUER, IssuerUnavailable
from portal.metrics import PAGE_METRICS
from portal.rendering import (
    BADGE_COUNTS,
    RUNNING_TIMER,
    SESSION,
    is_scripted,
    json_response,
    leave,
    render,
)
from portal.security import SAFE_METHODS, CrossSiteRequest
from portal.sessions.model import Session, is_csrf_token
from portal.sessions.sessions import SESSIONS, SignInRequired
from portal.sign_in import sign_in_again, step_up
from portal.timers import read_timer

# The same request again would end the same way.
FINAL = frozenset({400, 403, 404, 405, 413, 415})

log = structlog.get_logger(__name__)


class StaleForm(Exception):
    """The form has no valid token: it is from before the last sign-in."""


@web.middleware
async def load_session(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Find the session and its language; pages need one unless they are public."""
    cookies = request.app[COOKIES]
    chosen = cookies.read(request, LANGUAGE_COOKIE)
    accepted = accepted_languages(request.headers.get("Accept-Language", ""))
    LANGUAGE.set(choose_language([chosen, *accepted]))
    if is_public(request.match_info.handler):
        return await handler(request)
    sessions, secret = request.app[SESSIONS], cookies.read(request, SESSION_COOKIE)
    session = await sessions.load(secret) if secret else None
    if session is None:
        raise SignInRequired
    session = await sessions.renewed(session, request.app[ISSUER].renew)
    request[SESSION] = session
    request[CALLER] = session.profile.person
    LANGUAGE.set(choose_language([chosen or session.profile.locale]))
    request[API] = create_api(request, session)
    if request.method == "GET":
        # Its own client: what is counted is not part of the page's time.
        counts = request.app[BADGES].of(session, create_api(request, session))
        request[BADGE_COUNTS] = counts
    await _load_timer(request, session)
    return await handler(request)


async def _load_timer(request: web.Request, session: Session) -> None:
    """For the clock that every page shows; JSON that the script sends is not answered by a page."""
    if request.content_type == "application/json" or not session.may("create:timesheets"):
        return
    timer = await read_timer(request.app[DATABASE], session.profile.person)
    if timer is not None:
        request[RUNNING_TIMER] = timer


@web.middleware
async def check_form(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Read the body of what changes something and check its token."""
    if request.method in SAFE_METHODS:
        return await handler(request)
    session = request.get(SESSION)
    if session is not None:
        given = request.headers.get(CSRF_HEADER) or form_of(request)[CSRF_FIELD]
        if not is_csrf_token(given, session.csrf_secret):
            raise StaleForm
    return await handler(request)


@web.middleware
async def read_forms(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Before the session is looked for, so that what was typed survives its end."""
    if request.method not in SAFE_METHODS:
        await read_body(request)
    return await handler(request)


@web.middleware
async def check_scopes(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A page that the person cannot use says so before it asks the API."""
    session, scopes = request.get(SESSION), scopes_of(request.match_info.handler)
    if session is not None and scopes and not session.may(*scopes):
        raise web.HTTPForbidden
    return await handler(request)


@web.middleware
async def measure_own_time(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The page's time without that of the API, which has metrics of its own."""
    began = time.perf_counter()
    try:
        return await handler(request)
    finally:
        api = request.get(API)
        own = time.perf_counter() - began - (api.seconds if api else 0.0)
        request.app[PAGE_METRICS].observe(route_of(request), max(own, 0.0))


@web.middleware
async def render_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every failure is a page that says what happened and keeps what was typed."""
    try:
        return await handler(request)
    except SignInRequired:
        if request.method in ("GET", "HEAD"):
            return _to_sign_in(request)
        return await _guarded(request, sign_in_again)
    except StepUpRequired as required:
        return await _guarded(request, partial(step_up, required=required))
    except web.HTTPException as exception:
        if exception.status < 400:
            raise
        return error_page(request, exception.status)
    except Exception as error:
        return _failure_page(request, error)


def _failure_page(request: web.Request, error: Exception) -> web.StreamResponse:
    status = status_of(error)
    if status == 500:
        log.exception("unhandled error", method=request.method, path=request.path)
        request.app[METRICS].errors.labels(request.method, route_of(request)).inc()
    elif status >= 502:
        log.warning("unavailable", path=request.path, error=repr(error.__cause__ or error))
    detail = error.message if isinstance(error, ApiProblem) else ""
    request_id = error.request_id if isinstance(error, ApiProblem) else ""
    is_stale = isinstance(error, StaleForm)
    response = error_page(request, status, detail, request_id, is_stale=is_stale)
    if isinstance(error, ApiUnavailable) and error.retry_after:
        response.headers[hdrs.RETRY_AFTER] = error.retry_after
    return response


def status_of(error: Exception) -> int:
    """The status with which the portal answers the error; 500 for one that it does not know."""
    if isinstance(error, ApiProblem):
        return 502 if error.status == 401 else error.status
    if isinstance(error, CrossSiteRequest | StaleForm):
        return 403
    if isinstance(error, ApiUnavailable):
        return error.status
    if isinstance(error, IssuerUnavailable | ServiceUnavailable):
        return 503
    return 500


def error_page(
    request: web.Request,
    status: int,
    detail: str = "",
    request_id: str = "",
    *,
    is_stale: bool = False,
) -> web.StreamResponse:
    """The page for a status. It contains the typed values, to be sent again.

    `is_stale` tells the script that the same page, loaded again, may send them.
    """
    explanation = detail or explain(status)
    if is_scripted(request) and request.content_type == "application/json":
        return json_response({"error": explanation, "is_stale": is_stale}, status)
    form = form_of(request) if request.method not in SAFE_METHODS else None
    return render(
        request,
        "error.html",
        status=status,
        code=status,
        heading=title_of(status),
        explanation=explanation,
        request_id=request_id or request.get(REQUEST_ID, ""),
        form=form,
        action=request.rel_url.raw_path_qs,
        can_try_again=status not in FINAL,
    )


def title_of(status: int) -> str:
    """The heading of an error page, in the reader's language."""
    titles = {
        403: _("Not allowed"),
        404: _("Not found"),
        409: _("Conflict"),
        412: _("Changed by somebody else"),
        422: _("Please check your entries"),
        429: _("Too many requests"),
        502: _("Sign-in not accepted"),
        503: _("Can't reach the server"),
    }
    return titles.get(status, _("Something went wrong"))


def explain(status: int) -> str:
    """The text of an error page about the status, in the reader's language."""
    texts = {
        400: _("The request could not be read."),
        403: _("You can't do this with your account, or the page was open for too long."),
        404: _("There is nothing at this address, or you can't see it."),
        405: _("This page can't be used this way."),
        408: _("The request took too long to arrive."),
        413: _("That is too much at once."),
        415: _("This kind of content is not accepted."),
        429: _("You sent too many requests. Nothing was lost; try again in a moment."),
        502: _("The API did not accept your sign-in. Sign out and in again."),
        503: _("The server can't be reached right now. Nothing was lost; try again in a moment."),
    }
    return texts.get(status, _("Internal error. Quote the request id to support."))


def _to_sign_in(request: web.Request) -> web.StreamResponse:
    target = quote(request.rel_url.raw_path_qs, safe="/")
    response = leave(request, f"/auth/sign-in?return_to={target}")
    if request.app[COOKIES].read(request, SESSION_COOKIE):
        request.app[COOKIES].delete(response, SESSION_COOKIE)
    return response


async def _guarded(request: web.Request, start: Handler) -> web.StreamResponse:
    """Begin a sign-in; the issuer may be unreachable too."""
    try:
        return await start(request)
    except (IssuerUnavailable, ServiceUnavailable) as error:
        return _failure_page(request, error)
