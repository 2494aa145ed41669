"""Signing in and out at the issuer."""

from __future__ import annotations

import secrets
from urllib.parse import urlencode

import structlog
from aiohttp import web
from multidict import MultiDict

from portal.access import public
from portal.api_client import ApiProblem, ApiUnavailable, StepUpRequired
from portal.context import create_api
from portal.cookies import (
    COOKIES,
    LANGUAGE_COOKIE,
    SESSION_COOKIE,
    SIGN_IN_COOKIE,
    SIGN_IN_SECONDS,
)
from portal.forms import JSON_BODY, Form, form_of
from portal.i18n import LANGUAGE, _, choose_language
from portal.identity.issuer import ISSUER, SignedIn, SignInRefused
from portal.rendering import SESSION, leave, redirect, render
from portal.security import SETTINGS, safe_path
from portal.sessions.model import (
    PendingSignIn,
    Profile,
    Session,
    new_secret,
    profile_from,
)
from portal.sessions.sessions import SESSIONS, SignInRequired

ROUTES = web.RouteTableDef()
HOME = "/"

log = structlog.get_logger(__name__)


@ROUTES.get("/auth/sign-in", allow_head=False)
@public
async def sign_in(request: web.Request) -> web.StreamResponse:
    """Send the browser to the issuer, which sends it back to `return_to` of this site."""
    settings = request.app[SETTINGS]
    target = safe_path(request.query.get("return_to", HOME))
    if request.host != settings.portal_url.partition("://")[2] and "moved" not in request.query:
        # Another name of this host: the callback would not see the cookie set here. Once only, as
        # a proxy may have changed the name.
        query = urlencode({"return_to": target, "moved": "1"})
        raise web.HTTPFound(f"{settings.portal_url}/auth/sign-in?{query}")
    return await begin_sign_in(request, target)


async def begin_sign_in(
    request: web.Request,
    return_to: str,
    extra: dict[str, str] | None = None,
    form: Form | None = None,
) -> web.StreamResponse:
    """Start a sign-in. `form` is what the person typed and wants to send afterwards."""
    browser, verifier, nonce = new_secret(), secrets.token_urlsafe(48), new_secret()
    pending = PendingSignIn(
        browser=browser,
        verifier=verifier,
        nonce=nonce,
        return_to=return_to,
        form=list(form.items()) if form is not None else None,
        form_action=request.rel_url.raw_path_qs if form is not None else "",
    )
    state = await request.app[SESSIONS].remember_sign_in(pending)
    location = await request.app[ISSUER].authorization_url(state, nonce, verifier, extra or {})
    response = leave(request, location)
    request.app[COOKIES].set(response, SIGN_IN_COOKIE, browser, SIGN_IN_SECONDS)
    return response


async def step_up(request: web.Request, required: StepUpRequired) -> web.StreamResponse:
    """Sign in again as the API requires (RFC 9470), keeping what was typed."""
    extra = {"acr_values": required.acr_values, "max_age": required.max_age}
    given = {name: value for name, value in extra.items() if value}
    return await sign_in_again(request, given)


async def sign_in_again(
    request: web.Request, extra: dict[str, str] | None = None
) -> web.StreamResponse:
    """Back to the page afterwards, and with a form still to be sent: with what was typed."""
    if request.method in ("GET", "HEAD"):
        return await begin_sign_in(request, request.rel_url.raw_path_qs, extra)
    # A cell of the grid is kept by the page that sent it.
    form = None if JSON_BODY in request else form_of(request)
    return await begin_sign_in(request, _page_of(request), extra, form)


def _page_of(request: web.Request) -> str:
    """The page that a form was on; its address came with the form's own, or from the browser."""
    referrer = request.headers.get("Referer", "")
    origin = request.app[SETTINGS].portal_url
    return safe_path(referrer.removeprefix(origin)) if referrer.startswith(origin) else HOME


@ROUTES.get("/auth/callback", allow_head=False)
@public
async def finish_sign_in(request: web.Request) -> web.StreamResponse:
    """The issuer sent the browser back (OpenID Connect Core 3.1.2.5)."""
    cookies, query = request.app[COOKIES], request.query
    pending = await request.app[SESSIONS].take_sign_in(query.get("state", ""))
    browser = cookies.read(request, SIGN_IN_COOKIE)
    if pending is None or not secrets.compare_digest(pending.browser.encode(), browser.encode()):
        return _refuse(request, _("This sign-in has expired or was started in another browser."))
    if "error" in query or "code" not in query:
        log.info("sign-in refused by the issuer", error=query.get("error", "")[:100])
        return _refuse(request, _refusal_text(query.get("error", "")))
    try:
        signed_in = await request.app[ISSUER].exchange(
            query["code"], pending.verifier, pending.nonce
        )
    except SignInRefused as refusal:
        log.warning("sign-in failed", error=refusal.error, detail=str(refusal))
        return _refuse(request, _("The sign-in did not succeed."))
    former = await request.app[SESSIONS].load(cookies.read(request, SESSION_COOKIE))
    session = await _begin_session(request, signed_in)
    if former is not None:
        await request.app[SESSIONS].end(former)
    is_same_person = former is None or former.profile.person == session.profile.person
    response: web.StreamResponse
    if pending.form is not None and is_same_person:
        response = _resume(request, session, pending)
    else:
        response = redirect(request, pending.return_to)
    cookies.delete(response, SIGN_IN_COOKIE)
    seconds = int(request.app[SETTINGS].absolute_lifetime.total_seconds())
    cookies.set(response, SESSION_COOKIE, session.secret, seconds)
    return response


@ROUTES.post("/auth/sign-out")
async def sign_out(request: web.Request) -> web.StreamResponse:
    """End the session here, revoke its tokens, and end the issuer's session."""
    session = request[SESSION]
    await request.app[SESSIONS].end(session)
    issuer = request.app[ISSUER]
    await issuer.revoke(session.tokens)
    response = leave(request, await issuer.sign_out_url(session.tokens.id_token))
    request.app[COOKIES].delete(response, SESSION_COOKIE)
    return response


@ROUTES.get("/auth/signed-out", allow_head=False)
@public
async def show_signed_out(request: web.Request) -> web.Response:
    """Show that the person has signed out."""
    return render(request, "signed_out.html")


async def _begin_session(request: web.Request, signed_in: SignedIn) -> Session:
    """A session with the locale and time zone of the person's profile."""
    claims = signed_in.claims
    language = choose_language([str(claims.get("locale") or LANGUAGE.get())])
    profile = profile_from(claims, language)
    draft = Session("", signed_in.tokens, profile, *[request.app[SESSIONS].clock()] * 2)
    profile = await _with_preferences(request, draft)
    return await request.app[SESSIONS].begin(signed_in.tokens, profile)


async def _with_preferences(request: web.Request, draft: Session) -> Profile:
    """The first call also creates the person's profile. Without it the defaults do."""
    api = create_api(request, draft)
    try:
        found = await api.get("/v1/profile")
    except (ApiProblem, ApiUnavailable, SignInRequired):
        return draft.profile
    chosen = request.app[COOKIES].read(request, LANGUAGE_COOKIE)
    return Profile(
        person=draft.profile.person,
        name=str(found.get("name") or draft.profile.name),
        email=draft.profile.email,
        locale=choose_language([chosen or str(found.get("locale") or draft.profile.locale)]),
        time_zone=str(found.get("time_zone") or ""),
    )


def _resume(request: web.Request, session: Session, pending: PendingSignIn) -> web.Response:
    request[SESSION] = session
    form = Form(MultiDict(pending.form or []))
    return render(
        request,
        "resume.html",
        form=form,
        action=safe_path(pending.form_action),
        return_to=pending.return_to,
    )


def _refuse(request: web.Request, message: str) -> web.Response:
    return render(request, "sign_in_failed.html", status=400, message=message)


def _refusal_text(error: str) -> str:
    if error == "access_denied":
        return _("The sign-in was cancelled or is not allowed.")
    return _("The sign-in did not succeed.")
