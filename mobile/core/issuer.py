"""The issuer, as a public client talks to it: discovery, keys, tokens, revocation."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import httpx

from mobile.core.clock import Clock
from mobile.core.identity import Expected, Identity, UnknownKey, verify_id_token
from mobile.core.network import Unreachable, exchange
from mobile.core.settings import AppSettings

log = logging.getLogger(__name__)

# Longer than for other calls: an answer that is lost may hold the only good refresh token.
GRANT_TIMEOUT = httpx.Timeout(60.0, connect=10.0)


class GrantRefused(Exception):
    """The issuer's `error` (RFC 6749 section 5.2): the sign-in is over."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


@dataclass(frozen=True, slots=True)
class Grant:
    """The response of the token endpoint. `scopes` None: as requested (RFC 6749 section 5.1)."""

    access_token: str = field(repr=False)
    lifetime: float
    scopes: frozenset[str] | None
    refresh_token: str | None = field(repr=False)
    id_token: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The addresses of the issuer's discovery document that the app uses."""

    authorization: str
    token: str
    keys: str
    revocation: str | None
    end_session: str | None


class Issuer:
    """The token issuer: discovery, keys, and the grants of RFC 6749."""

    def __init__(self, client: httpx.AsyncClient, settings: AppSettings, clock: Clock) -> None:
        self._client = client
        self._settings = settings
        self._clock = clock
        self._endpoints: Endpoints | None = None
        self._keys: list[dict[str, Any]] | None = None

    @property
    def name(self) -> str:
        """The issuer as it is named in tokens."""
        return self._settings.issuer

    async def endpoints(self) -> Endpoints:
        """By OpenID Connect Discovery 1.0; raises `Unreachable`."""
        if self._endpoints is None:
            found = await self._get(f"{self.name}.well-known/openid-configuration")
            if found.get("issuer") != self.name:
                raise Unreachable(offline=False)
            self._endpoints = Endpoints(
                authorization=_address(found, "authorization_endpoint"),
                token=_address(found, "token_endpoint"),
                keys=_address(found, "jwks_uri"),
                revocation=found.get("revocation_endpoint"),
                end_session=found.get("end_session_endpoint"),
            )
        return self._endpoints

    async def exchange_code(self, code: str, verifier: str, redirect_uri: str) -> Grant:
        """Tokens for an authorization code (RFC 6749 section 4.1.3, RFC 7636 section 4.5)."""
        return await self._grant(
            grant_type="authorization_code",
            code=code,
            code_verifier=verifier,
            redirect_uri=redirect_uri,
        )

    async def refresh(self, refresh_token: str) -> Grant:
        """Raises `GrantRefused` where the token is worth nothing any more, else `Unreachable`."""
        return await self._grant(grant_type="refresh_token", refresh_token=refresh_token)

    async def identify(
        self, grant: Grant, *, nonce: str | None = None, sub: str | None = None
    ) -> Identity | None:
        """The identity in the ID token; None without one. Raises `BadIdToken`."""
        if grant.id_token is None:
            return None
        expected = Expected(
            self.name, self._settings.client_id, nonce, sub, access_token=grant.access_token
        )
        now, known = self._clock.now().timestamp(), self._keys
        try:
            return verify_id_token(grant.id_token, await self.read_keys(), expected, now)
        except UnknownKey:
            if known is None:
                raise
        self._keys = None  # they were read earlier: the issuer has newer ones
        return verify_id_token(grant.id_token, await self.read_keys(), expected, now)

    async def revoke(self, refresh_token: str) -> None:
        """RFC 7009; raises `Unreachable`."""
        endpoints = await self.endpoints()
        if endpoints.revocation is not None:
            client_id = self._settings.client_id
            await self._post(endpoints.revocation, {"client_id": client_id, "token": refresh_token})

    async def sign_out_address(self, back_to: str) -> str:
        """The address that ends the session of the browser; `back_to` may be empty."""
        endpoints = await self.endpoints()
        query = {"client_id": self._settings.client_id}
        if back_to:
            query["post_logout_redirect_uri"] = back_to
        address = endpoints.end_session or f"{self.name}oidc/logout"
        return f"{address}?{urlencode(query)}"

    async def _grant(self, **form: str) -> Grant:
        endpoints = await self.endpoints()
        form["client_id"] = self._settings.client_id
        response = await self._post(endpoints.token, form)
        found = _json_object(response)
        if response.status_code != 200:
            error = found.get("error")
            log.info("token endpoint: %s", response.status_code)
            # Only this says that the grant is over. A wrong client, say, is the operator's to mend,
            # and nobody should lose a sign-in by it.
            if error == "invalid_grant" and 400 <= response.status_code < 500:
                raise GrantRefused(error)
            raise Unreachable(offline=False)
        return _read_grant(found)

    async def read_keys(self) -> list[dict[str, Any]]:
        """The key set, from memory where it was read before; raises `Unreachable`."""
        if self._keys is None:
            found = await self._get((await self.endpoints()).keys)
            keys = found.get("keys")
            if not isinstance(keys, list):
                raise Unreachable(offline=False)
            self._keys = [key for key in keys if isinstance(key, dict)]
        return self._keys

    async def _get(self, address: str) -> dict[str, Any]:
        response = await exchange(self._client, self._client.build_request("GET", address))
        if response.status_code != 200:
            raise Unreachable(offline=False)
        return _json_object(response)

    async def _post(self, address: str, form: Mapping[str, str]) -> httpx.Response:
        request = self._client.build_request("POST", address, data=form, timeout=GRANT_TIMEOUT)
        return await exchange(self._client, request)


def _read_grant(found: Mapping[str, Any]) -> Grant:
    token, kind = found.get("access_token"), found.get("token_type")
    if not isinstance(token, str) or not isinstance(kind, str) or kind.lower() != "bearer":
        raise Unreachable(offline=False)
    scope, lifetime = found.get("scope"), found.get("expires_in")
    return Grant(
        access_token=token,
        lifetime=float(lifetime) if isinstance(lifetime, int | float) else 300.0,
        scopes=frozenset(scope.split()) if isinstance(scope, str) else None,
        refresh_token=_optional_text(found, "refresh_token"),
        id_token=_optional_text(found, "id_token"),
    )


def _optional_text(found: Mapping[str, Any], name: str) -> str | None:
    value = found.get(name)
    return value if isinstance(value, str) and value else None


def _address(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name)
    if not isinstance(value, str):
        raise Unreachable(offline=False)
    return value


def _json_object(response: httpx.Response) -> dict[str, Any]:
    try:
        found = json.loads(response.content)
    except ValueError:
        raise Unreachable(offline=False) from None
    return found if isinstance(found, dict) else {}
