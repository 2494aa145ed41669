"""Calls to the issuer: discovery, the code and refresh grants, revocation, sign-out."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import aiohttp
import msgspec
import structlog
from aiohttp import web

from libs.auth import JwksKeys
from portal.identity.id_token import InvalidIdToken, verify_id_token
from portal.metrics import PageMetrics, Renewal
from portal.sessions.model import Tokens
from portal.sessions.sessions import SignInRequired
from portal.settings import PortalSettings

# Below PostgreSQL's lock_timeout: others wait for a renewal under the session's row lock.
TIMEOUT = aiohttp.ClientTimeout(total=4.0, connect=2.0)
DISCOVERY_LIFETIME = timedelta(hours=1)
# Access tokens carry no lifetime that we could rely on where the issuer leaves expires_in out.
DEFAULT_EXPIRES_IN = 300

SCOPES = (
    *("openid", "profile", "email", "offline_access"),
    *("read:timesheets", "create:timesheets", "delete:timesheets", "approve:timesheets"),
    *("manage:timesheets", "read:reports", "read:people", "manage:people", "read:audit"),
)

log = structlog.get_logger(__name__)


class IssuerUnavailable(Exception):
    """The issuer cannot be reached, or gave an answer that is none."""


class SignInRefused(Exception):
    """The issuer refused the sign-in; `error` is its OAuth error code."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description or error)
        self.error = error


class Metadata(msgspec.Struct, frozen=True):
    """The parts of the discovery document that are used (OpenID Connect Discovery 3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    revocation_endpoint: str = ""
    end_session_endpoint: str = ""


class TokenResponse(msgspec.Struct, frozen=True):
    """RFC 6749 section 5.1."""

    access_token: str
    token_type: str
    expires_in: int = DEFAULT_EXPIRES_IN
    refresh_token: str | None = None
    id_token: str | None = None
    scope: str | None = None


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The tokens of a finished sign-in, and the verified claims of its ID token."""

    tokens: Tokens
    claims: Mapping[str, Any]


class IssuerClient:
    """Speaks OpenID Connect with the issuer as a confidential client."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        settings: PortalSettings,
        keys: JwksKeys,
        metrics: PageMetrics,
    ) -> None:
        self._http = http
        self._settings = settings
        self._keys = keys
        self._metrics = metrics
        self._metadata: tuple[datetime, Metadata] | None = None

    @property
    def redirect_uri(self) -> str:
        """The address to which the issuer sends the browser back, as its client names it."""
        return f"{self._settings.portal_url}/auth/callback"

    async def authorization_url(
        self, state: str, nonce: str, verifier: str, extra: Mapping[str, str]
    ) -> str:
        """The address to redirect the browser to (OpenID Connect Core 3.1.2.1, RFC 7636)."""
        metadata = await self._discover()
        challenge = hashlib.sha256(verifier.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": " ".join(SCOPES),
            "audience": self._settings.auth.audience,
            "state": state,
            "nonce": nonce,
            "code_challenge": base64.urlsafe_b64encode(challenge).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            **extra,
        }
        return f"{metadata.authorization_endpoint}?{urlencode(query)}"

    async def exchange(self, code: str, verifier: str, nonce: str) -> SignedIn:
        """Tokens for an authorization code, with the verified claims of the ID token."""
        response = await self._grant(
            grant_type="authorization_code",
            code=code,
            redirect_uri=self.redirect_uri,
            code_verifier=verifier,
        )
        if response.id_token is None:
            raise SignInRefused("invalid_response", "The issuer sent no ID token.")
        try:
            claims = await verify_id_token(
                response.id_token,
                self._keys,
                issuer=self._settings.auth.issuer,
                client_id=self._settings.client_id,
                nonce=nonce,
            )
        except InvalidIdToken as error:
            raise SignInRefused("invalid_id_token", str(error)) from error
        return SignedIn(_tokens(response, None), claims)

    async def renew(self, tokens: Tokens) -> Tokens:
        """New tokens for the refresh token. Raises `SignInRequired` if it is no longer good."""
        if tokens.refresh_token is None:
            raise SignInRequired
        try:
            response = await self._grant(
                grant_type="refresh_token", refresh_token=tokens.refresh_token
            )
        except SignInRefused as refusal:
            log.info("the issuer ended a sign-in", error=refusal.error)
            self._metrics.count_renewal(Renewal.ENDED)
            raise SignInRequired from refusal
        except IssuerUnavailable:
            self._metrics.count_renewal(Renewal.UNAVAILABLE)
            raise
        self._metrics.count_renewal(Renewal.RENEWED)
        return _tokens(response, tokens)

    async def revoke(self, tokens: Tokens) -> None:
        """Revoke the refresh token (RFC 7009). A failure is logged: signing out goes on."""
        if tokens.refresh_token is None:
            return
        try:
            metadata = await self._discover()
            if metadata.revocation_endpoint:
                form = {"token": tokens.refresh_token, "token_type_hint": "refresh_token"}
                await self._post(metadata.revocation_endpoint, form)
        except (IssuerUnavailable, SignInRefused) as error:
            log.warning("a refresh token was not revoked", error=repr(error))

    async def sign_out_url(self, id_token: str) -> str:
        """The address that ends the session of the issuer (OpenID Connect RP-Initiated Logout)."""
        home = f"{self._settings.portal_url}/auth/signed-out"
        try:
            metadata = await self._discover()
        except IssuerUnavailable:
            return home
        if not metadata.end_session_endpoint:
            return home
        query = {
            "client_id": self._settings.client_id,
            "id_token_hint": id_token,
            "post_logout_redirect_uri": home,
        }
        return f"{metadata.end_session_endpoint}?{urlencode(query)}"

    async def _grant(self, **form: str) -> TokenResponse:
        metadata = await self._discover()
        body = await self._post(metadata.token_endpoint, form)
        try:
            response = msgspec.json.decode(body, type=TokenResponse)
        except msgspec.MsgspecError as error:
            raise IssuerUnavailable("the token response is not one") from error
        if response.token_type.lower() != "bearer":
            raise IssuerUnavailable(f"token_type is {response.token_type}")
        return response

    async def _post(self, url: str, form: Mapping[str, str]) -> bytes:
        credentials = {
            "client_id": self._settings.client_id,
            "client_secret": self._settings.client_secret,
        }
        try:
            async with self._http.post(
                url, data={**form, **credentials}, timeout=TIMEOUT, allow_redirects=False
            ) as response:
                body = await response.read()
                if response.status in (400, 401, 403):
                    raise _refusal(body)
                if response.status != 200:
                    raise IssuerUnavailable(f"the issuer answered {response.status}")
                return body
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise IssuerUnavailable(repr(error)) from error

    async def _discover(self) -> Metadata:
        now = datetime.now(UTC)
        if self._metadata and now - self._metadata[0] < DISCOVERY_LIFETIME:
            return self._metadata[1]
        issuer = self._settings.auth.issuer
        address = f"{issuer.removesuffix('/')}/.well-known/openid-configuration"
        try:
            async with self._http.get(address, timeout=TIMEOUT, allow_redirects=False) as response:
                body = await response.read()
                metadata = msgspec.json.decode(body, type=Metadata)
        except (aiohttp.ClientError, TimeoutError, OSError, msgspec.MsgspecError) as error:
            if self._metadata:
                return self._metadata[1]
            raise IssuerUnavailable(repr(error)) from error
        _check_metadata(metadata, issuer)
        self._metadata = (now, metadata)
        return metadata


ISSUER = web.AppKey("ISSUER", IssuerClient)


def _check_metadata(metadata: Metadata, issuer: str) -> None:
    """Discovery 4.3: the document must be this issuer's, and its channel no weaker."""
    if metadata.issuer != issuer:
        raise IssuerUnavailable("the discovery document is of another issuer")
    schemes = {"https", urlsplit(issuer).scheme}
    for address in (metadata.authorization_endpoint, metadata.token_endpoint):
        if urlsplit(address).scheme not in schemes:
            raise IssuerUnavailable("an endpoint of the issuer is not https")


def _tokens(response: TokenResponse, before: Tokens | None) -> Tokens:
    """A renewal may leave out what stays as it was (RFC 6749 section 6)."""
    scopes = frozenset(response.scope.split()) if response.scope is not None else None
    return Tokens(
        access_token=response.access_token,
        refresh_token=response.refresh_token or (before.refresh_token if before else None),
        id_token=response.id_token or (before.id_token if before else ""),
        expires_at=datetime.now(UTC) + timedelta(seconds=response.expires_in),
        scopes=scopes if scopes is not None else before.scopes if before else frozenset(SCOPES),
    )


def _refusal(body: bytes) -> SignInRefused:
    try:
        error_response = msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.MsgspecError:
        error_response = {}
    error, description = error_response.get("error"), error_response.get("error_description")
    return SignInRefused(str(error or "invalid_response"), str(description or ""))
