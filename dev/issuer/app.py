"""The stand-in's addresses."""

import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import parse_qsl

import jwt
import msgspec
from aiohttp import hdrs, web

from dev.issuer import pages
from dev.issuer.errors import OAuthError, PageError, RedirectError
from dev.issuer.grants import Grants
from dev.issuer.requests import (
    AuthorizationRequest,
    is_registered,
    read_authorization,
    read_form,
    with_query,
)
from dev.issuer.state import Session, Store
from dev.issuer.tokens import OPENID_SCOPES, Tokens, needs_second_factor
from dev.sample_data import APPS, PERMISSIONS, SCOPES, Person, Role, person_named

SESSION = "stand-in-session"
TOKEN_PATH = "/oauth/token"  # noqa: S105 - an address
# The origins of pages on this machine.
LOOPBACK = "http://127.0.0.1:"
SESSION_LIFETIME = 3 * 24 * 3600

Clock = Callable[[], float]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Issuer:
    """The context of every handler."""

    address: str
    store: Store
    tokens: Tokens
    grants: Grants
    clock: Clock


ISSUER = web.AppKey("ISSUER", Issuer)


def create_app(
    address: str, store: Store, machine_secrets: Mapping[str, str], clock: Clock = time.time
) -> web.Application:
    """The stand-in at `address`, which ends in a slash as Auth0's issuers do."""
    tokens = Tokens(address, store, clock)
    app = web.Application(middlewares=[answer_errors])
    grants = Grants(store, tokens, machine_secrets, clock)
    app[ISSUER] = Issuer(address, store, tokens, grants, clock)
    app.add_routes(
        [
            web.get("/", welcome),
            web.get("/.well-known/openid-configuration", discover),
            web.get("/.well-known/jwks.json", publish_keys),
            web.get("/authorize", ask_who),
            web.post("/authorize", sign_in),
            web.post(TOKEN_PATH, exchange),
            web.options(TOKEN_PATH, allow_origin),
            web.post("/oauth/revoke", revoke),
            web.get("/userinfo", tell_userinfo),
            web.post("/userinfo", tell_userinfo),
            web.get("/v2/logout", sign_out),
            web.get("/oidc/logout", sign_out),
            web.get("/pictures/{key}.png", show_picture),
            # Not Auth0's: what an administrator of the tenant does in its dashboard.
            web.post("/stand-in/rotate-keys", rotate_keys),
            web.put("/stand-in/people/{key}/roles", assign_roles),
        ]
    )
    return app


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn errors into the responses that OAuth 2.0 defines for them."""
    try:
        response = await handler(request)
    except OAuthError as error:
        response = _json(
            {"error": error.error, "error_description": error.description}, error.status
        )
        if error.status == 401 and hdrs.AUTHORIZATION in request.headers:
            response.headers[hdrs.WWW_AUTHENTICATE] = 'Basic realm="stand-in"'
    except RedirectError as error:
        response = _redirect(
            error.redirect_uri,
            error=error.error,
            error_description=error.description,
            state=error.state,
        )
    except PageError as error:
        response = _html(pages.message("This cannot be answered", error.description), 400)
    response.headers.setdefault(hdrs.CACHE_CONTROL, "no-store")
    if request.path == TOKEN_PATH and request.headers.get(hdrs.ORIGIN, "").startswith(LOOPBACK):
        # As Auth0 answers the web origins of a public client.
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = request.headers[hdrs.ORIGIN]
        response.headers[hdrs.VARY] = hdrs.ORIGIN
    return response


async def welcome(request: web.Request) -> web.Response:
    """GET the page that says who can sign in."""
    issuer = request.app[ISSUER]
    return _html(pages.welcome(issuer.address, issuer.tokens.roles))


async def discover(request: web.Request) -> web.Response:
    """GET the discovery document (OpenID Connect Discovery 1.0, 4)."""
    at = request.app[ISSUER].address
    return _json(
        {
            "issuer": at,
            "authorization_endpoint": f"{at}authorize",
            "token_endpoint": f"{at}oauth/token",
            "userinfo_endpoint": f"{at}userinfo",
            "jwks_uri": f"{at}.well-known/jwks.json",
            "revocation_endpoint": f"{at}oauth/revoke",
            "end_session_endpoint": f"{at}oidc/logout",
            "scopes_supported": [*OPENID_SCOPES, *sorted(SCOPES)],
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": [
                "client_secret_basic",
                "client_secret_post",
                "none",
            ],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "claims_supported": [
                *("aud", "auth_time", "email", "email_verified", "exp", "family_name"),
                *("given_name", "iat", "iss", "name", "nickname", "picture", "sub", "updated_at"),
            ],
        }
    )


async def publish_keys(request: web.Request) -> web.Response:
    """GET the key set (RFC 7517)."""
    keys = request.app[ISSUER].store.state.keys.published()
    response = _json({"keys": [key.jwk for key in keys]})
    response.headers[hdrs.CACHE_CONTROL] = "public, max-age=15"
    return response


async def ask_who(request: web.Request) -> web.Response:
    """GET the page to choose a person, or go back at once if a session is there."""
    issuer = request.app[ISSUER]
    authorization = read_authorization(
        parse_qsl(request.rel_url.raw_query_string, keep_blank_values=True)
    )
    session = _session(request)
    person = person_named(session.person) if session else None
    if session is not None and person and _suffices(session, authorization, issuer.clock()):
        if not _lacks_second_factor(issuer, authorization, person, session.mfa_at):
            return _send_code(issuer, authorization, session)
        if authorization.prompt == "none":
            raise authorization.refusal("interaction_required", "A second factor is required")
        return _html(pages.second_factor(authorization, str(request.rel_url), person))
    if authorization.prompt == "none":
        raise authorization.refusal("login_required", "Nobody is signed in")
    return _html(pages.choice(authorization, str(request.rel_url), issuer.tokens.roles))


async def sign_in(request: web.Request) -> web.Response:
    """POST the choice of a person; a second factor may follow."""
    issuer = request.app[ISSUER]
    authorization = read_authorization(
        parse_qsl(request.rel_url.raw_query_string, keep_blank_values=True)
    )
    form = await request.post()
    if "cancel" in form:
        raise authorization.refusal("access_denied", "The sign-in was cancelled")
    person = person_named(str(form.get("person")))
    if person is None:
        raise PageError("Nobody of that name works here.")
    now = int(issuer.clock())
    mfa_at = now if "second_factor" in form else None
    if _lacks_second_factor(issuer, authorization, person, mfa_at):
        return _html(pages.second_factor(authorization, str(request.rel_url), person))
    state = issuer.store.state
    state.sessions = {
        name: session
        for name, session in state.sessions.items()
        if now < session.auth_time + SESSION_LIFETIME
    }
    name = secrets.token_urlsafe(32)
    state.sessions[name] = Session(person.key, now, mfa_at)
    issuer.store.save()
    response = _send_code(issuer, authorization, state.sessions[name])
    response.set_cookie(SESSION, name, httponly=True, samesite="Lax", max_age=SESSION_LIFETIME)
    return response


async def exchange(request: web.Request) -> web.Response:
    """POST to the token endpoint (RFC 6749 3.2)."""
    return _json(request.app[ISSUER].grants.grant(await read_form(request)))


async def allow_origin(_request: web.Request) -> web.Response:
    """Answer a browser's preflight; the middleware adds the origin."""
    allowed = {
        hdrs.ACCESS_CONTROL_ALLOW_METHODS: "POST",
        hdrs.ACCESS_CONTROL_ALLOW_HEADERS: "authorization, content-type, x-requested-with",
    }
    return web.Response(status=204, headers=allowed)


async def revoke(request: web.Request) -> web.Response:
    """POST a token to revoke (RFC 7009)."""
    request.app[ISSUER].grants.revoke(await read_form(request))
    return web.Response()


async def tell_userinfo(request: web.Request) -> web.Response:
    """GET the profile of a token's holder (OpenID Connect Core 1.0, 5.3)."""
    tokens = request.app[ISSUER].tokens
    scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    if scheme.lower() != "bearer":
        _challenge("Bearer")
    try:
        claims = tokens.read(token)
    except jwt.InvalidTokenError:
        _challenge('Bearer error="invalid_token"')
    person = person_named(str(claims["sub"]).removeprefix("auth0|"))
    if person is None:
        _challenge('Bearer error="invalid_token"')
    return _json(tokens.about(person, str(claims["scope"]).split()))


async def sign_out(request: web.Request) -> web.Response:
    """End the browser's session, and go on to where the application wants, if that is registered.

    Auth0's own address (/v2/logout) says returnTo, OpenID Connect post_logout_redirect_uri.
    """
    issuer = request.app[ISSUER]
    query = request.query
    return_to = query.get("returnTo", query.get("post_logout_redirect_uri"))
    allowed = [
        address
        for app in APPS
        if query.get("client_id", app.client_id) == app.client_id
        for address in app.logout_urls
    ]
    if return_to is not None and not is_registered(return_to, allowed):
        raise PageError("This address is not registered for signing out.")
    if issuer.store.state.sessions.pop(request.cookies.get(SESSION, ""), None) is not None:
        issuer.store.save()
    if return_to is None:
        response = _html(pages.message("Signed out", "You can close this window."))
    else:
        response = _redirect(return_to, state=query.get("state"))
    response.del_cookie(SESSION)
    return response


async def show_picture(request: web.Request) -> web.Response:
    """GET a person's picture."""
    person = _person(request)
    response = web.Response(body=pages.picture(person), content_type="image/png")
    response.headers[hdrs.CACHE_CONTROL] = "public, max-age=86400"
    return response


async def rotate_keys(request: web.Request) -> web.Response:
    """POST a change of the signing key, for tests."""
    store = request.app[ISSUER].store
    store.state.keys = store.state.keys.rotated()
    store.save()
    return _json({"kid": store.state.keys.current.kid})


async def assign_roles(request: web.Request) -> web.Response:
    """PUT the roles of a person, for tests."""
    issuer, person = request.app[ISSUER], _person(request)
    try:
        roles = msgspec.json.decode(await request.read(), type=list[Role])
    except msgspec.MsgspecError:
        known = ", ".join(PERMISSIONS)
        raise OAuthError("invalid_request", f"The body is a JSON array of {known}") from None
    issuer.store.state.roles[person.key] = roles
    issuer.store.save()
    return _json({"permissions": sorted(issuer.tokens.permissions(person))})


def _session(request: web.Request) -> Session | None:
    return request.app[ISSUER].store.state.sessions.get(request.cookies.get(SESSION, ""))


def _suffices(session: Session, authorization: AuthorizationRequest, now: float) -> bool:
    """Whether a browser that is signed in need not sign in again."""
    age = now - session.auth_time
    person = person_named(session.person)
    if (
        person is None
        or age >= SESSION_LIFETIME
        or authorization.prompt in ("login", "select_account")
    ):
        return False
    if authorization.max_age is not None and age > authorization.max_age:
        return False
    return authorization.login_hint in (None, person.key, person.email)


def _lacks_second_factor(
    issuer: Issuer, authorization: AuthorizationRequest, person: Person, mfa_at: int | None
) -> bool:
    """Whether a second factor must be used now: by policy, or because the request says so.

    `max_age` applies to the second factor where `acr_values` asks for one (RFC 9470 4).
    """
    stepping_up = bool(authorization.acr_values)
    if mfa_at is None:
        return stepping_up or needs_second_factor(
            authorization.scopes, issuer.tokens.permissions(person)
        )
    limit = authorization.max_age if stepping_up else None
    return limit is not None and issuer.clock() - mfa_at > limit


def _send_code(
    issuer: Issuer, authorization: AuthorizationRequest, session: Session
) -> web.Response:
    person = person_named(session.person)
    if person is None:
        raise PageError("Nobody of that name works here.")
    code = issuer.grants.issue_code(authorization, person, session)
    return _redirect(authorization.redirect_uri, code=code, state=authorization.state)


def _person(request: web.Request) -> Person:
    person = person_named(request.match_info["key"])
    if person is None:
        raise web.HTTPNotFound(text="Nobody of that name works here.")
    return person


def _redirect(address: str, **added: str | None) -> web.Response:
    # Not aiohttp's HTTPFound: it rewrites addresses of a private scheme.
    return web.Response(status=302, headers={hdrs.LOCATION: with_query(address, added)})


def _challenge(challenge: str) -> NoReturn:
    raise web.HTTPUnauthorized(headers={hdrs.WWW_AUTHENTICATE: challenge})


def _html(page: str, status: int = 200) -> web.Response:
    policy = "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; base-uri 'none'"
    return web.Response(
        text=page,
        status=status,
        content_type="text/html",
        headers={"Content-Security-Policy": policy, "X-Frame-Options": "DENY"},
    )


def _json(body: object, status: int = 200) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(body), status=status, content_type="application/json"
    )
