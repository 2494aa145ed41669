"""Parse and validate the requests of applications; their input is untrusted."""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit, urlunsplit

from aiohttp import hdrs, web

from dev.issuer.errors import OAuthError, PageError, RedirectError
from dev.issuer.state import same
from dev.sample_data import APPS, AUDIENCE, App

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """An authorization request that is valid (RFC 6749 4.1.1, RFC 7636)."""

    app: App
    redirect_uri: str
    state: str | None
    nonce: str | None
    scopes: tuple[str, ...]
    challenge: str
    prompt: str | None
    max_age: int | None
    login_hint: str | None
    acr_values: tuple[str, ...] = ()

    def refusal(self, error: str, description: str) -> RedirectError:
        """An error that is sent back to the client."""
        return RedirectError(self.redirect_uri, self.state, error, description)


def read_authorization(query: Sequence[tuple[str, str]]) -> AuthorizationRequest:
    """Parse the parameters of /authorize. Raises `PageError` or `RedirectError`."""
    given = dict(query)
    app = next((app for app in APPS if app.client_id == given.get("client_id")), None)
    if app is None:
        raise PageError("No application with this client_id is registered.")
    redirect_uri = given.get("redirect_uri", "")
    if not is_registered(redirect_uri, app.callbacks):
        raise PageError(f"This redirect_uri is not registered for {app.name}.")
    problem = _problem(given, repeated=len(given) != len(query))
    if problem is not None:
        raise RedirectError(redirect_uri, given.get("state"), *problem)
    return AuthorizationRequest(
        app=app,
        redirect_uri=redirect_uri,
        state=given.get("state"),
        nonce=given.get("nonce"),
        scopes=tuple(given.get("scope", "").split()),
        challenge=given["code_challenge"],
        prompt=given.get("prompt"),
        max_age=int(given["max_age"]) if "max_age" in given else None,
        login_hint=given.get("login_hint"),
        acr_values=tuple(given.get("acr_values", "").split()),
    )


def _problem(given: Mapping[str, str], *, repeated: bool) -> tuple[str, str] | None:
    """The error code and its description, in the order of RFC 6749 and RFC 7636."""
    checks = (
        (repeated, "invalid_request", "A parameter is given more than once"),
        (
            given.get("response_type") != "code",
            "unsupported_response_type",
            "Only response_type=code is served",
        ),
        (
            given.get("response_mode", "query") != "query",
            "invalid_request",
            "Only response_mode=query is served",
        ),
        (
            given.get("code_challenge_method") != "S256"
            or not CHALLENGE.fullmatch(given.get("code_challenge", "")),
            "invalid_request",
            "PKCE with code_challenge_method=S256 is required",
        ),
        (
            given.get("audience", AUDIENCE) != AUDIENCE,
            "access_denied",
            f"Service not found: {given.get('audience')}",
        ),
        (
            not given.get("max_age", "0").isdecimal(),
            "invalid_request",
            "max_age is not a number of seconds",
        ),
    )
    return next(((error, text) for wrong, error, text in checks if wrong), None)


def is_registered(redirect_uri: str, registered: Sequence[str]) -> bool:
    """To the letter, but for the port of a loopback address (RFC 8252 section 7.3)."""
    return any(
        redirect_uri == known or _is_at_a_port_of(redirect_uri, known) for known in registered
    )


def _is_at_a_port_of(redirect_uri: str, known: str) -> bool:
    try:
        port = urlsplit(redirect_uri).port
    except ValueError:
        return False
    parts = urlsplit(known)
    if parts.scheme != "http" or parts.hostname not in LOOPBACK or port is None:
        return False
    return redirect_uri == urlunsplit(parts._replace(netloc=f"{parts.netloc}:{port}"))


def with_query(address: str, added: Mapping[str, str | None]) -> str:
    """The address with more query parameters; those that are None are left out."""
    parts = urlsplit(address)
    query = parse_qsl(parts.query, keep_blank_values=True)
    query += [(name, value) for name, value in added.items() if value is not None]
    return urlunsplit(parts._replace(query=urlencode(query)))


def matches(verifier: str, challenge: str) -> bool:
    """RFC 7636 section 4.6, S256."""
    if not VERIFIER.fullmatch(verifier):
        return False
    hashed = hashlib.sha256(verifier.encode()).digest()
    return same(base64.urlsafe_b64encode(hashed).rstrip(b"=").decode(), challenge)


async def read_form(request: web.Request) -> dict[str, str]:
    """The parameters of a POST, as a form or, which Auth0 takes too, as JSON.

    The client's name and secret may come by HTTP Basic instead (RFC 6749 section 2.3.1).
    """
    pairs = await _pairs(request)
    form = dict(pairs)
    if len(form) != len(pairs):
        raise OAuthError("invalid_request", "A parameter is given more than once")
    if hdrs.AUTHORIZATION not in request.headers:
        return form
    if "client_secret" in form:
        raise OAuthError("invalid_request", "The client authenticates in two ways")
    client_id, secret = _basic(request.headers[hdrs.AUTHORIZATION])
    return form | {"client_id": client_id, "client_secret": secret}


def _basic(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    try:
        login, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        scheme = colon = login = password = ""
    if scheme.lower() != "basic" or not colon:
        raise OAuthError("invalid_client", "The credentials cannot be read", 401)
    return unquote_plus(login), unquote_plus(password)


async def _pairs(request: web.Request) -> list[tuple[str, str]]:
    if request.content_type == "application/json":
        try:
            body = await request.json()
        except ValueError:
            body = None
        if not isinstance(body, dict) or not all(isinstance(v, str) for v in body.values()):
            raise OAuthError("invalid_request", "The body is not a JSON object of texts")
        return list(body.items())
    if request.content_type == "application/x-www-form-urlencoded":
        return [(name, str(value)) for name, value in (await request.post()).items()]
    raise OAuthError("invalid_request", "The body is neither a form nor JSON")
