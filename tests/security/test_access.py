"""Every route against every kind of token. The routes are found, not listed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import web
from cryptography.hazmat.primitives import serialization

from libs.auth import Access, Scope, access_of
from services.entries.app import create_app as create_entries
from tests.conftest import service_settings
from tests.support.client import Service
from tests.support.issuer import Issuer, base64url, rsa_key

ALL_SCOPES = " ".join(Scope)
VALUES = {
    "id": str(uuid.UUID(int=7)),
    "week": "2026-W48",
    "code": "APOLLO",
}


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    template: str
    access: Access

    @property
    def path(self) -> str:
        return re.sub(r"\{(\w+)\}", lambda match: VALUES[match[1]], self.template)


def routes_of(app: web.Application) -> Iterator[Route]:
    for route in app.router.routes():
        access = access_of(route.handler)
        assert access is not None, f"{route} says nothing"
        assert route.resource is not None
        yield Route(route.method, route.resource.canonical, access)


def bad_tokens(issuer: Issuer) -> dict[str, str]:
    """One token for each reason to refuse it; all would have every scope."""
    good: dict[str, Any] = {"scope": ALL_SCOPES}
    header, payload, signature = issuer.token(**good).split(".")
    public_key = (
        rsa_key(0)
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    hs256 = base64url(json.dumps({"alg": "HS256", "typ": "JWT", "kid": issuer.kid}).encode())
    none = base64url(json.dumps({"alg": "none", "typ": "JWT", "kid": issuer.kid}).encode())
    mac = hmac.new(public_key, f"{hs256}.{payload}".encode(), hashlib.sha256).digest()
    now = int(issuer.clock())
    return {
        "not a token": "swordfish",
        "expired": issuer.token(**good, iat=now - 7200, exp=now - 3600),
        "not yet valid": issuer.token(**good, nbf=now + 3600),
        "other issuer": issuer.token(**good, iss="https://evil.example/"),
        "other audience": issuer.token(**good, aud="https://api.evil.example"),
        "other key": issuer.sign(issuer.header(), issuer.payload(**good), rsa_key(99)),
        "unknown kid": issuer.token(**good, headers={"kid": "nobody"}),
        "alg none": f"{none}.{payload}.",
        "HS256 with the public key": f"{hs256}.{payload}.{base64url(mac)}",
        "ID token": issuer.token(**good, aud="app", nonce="n", at_hash="x"),
        "changed payload": f"{header}.{_with_subject(payload, 'auth0|ada')}.{signature}",
    }


def _with_subject(payload: str, subject: str) -> str:
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return base64url(json.dumps(claims | {"sub": subject}).encode())


@pytest.fixture
def routes(issuer: Issuer, entries_database: str) -> list[Route]:
    return list(routes_of(create_entries(service_settings("entries", issuer, entries_database))))


async def test_no_route_lets_a_bad_token_in(
    entries: Service, issuer: Issuer, routes: list[Route]
) -> None:
    tokens = bad_tokens(issuer)
    for route in (route for route in routes if not route.access.public):
        bare = await entries.bearer(None).request(route.method, route.path)
        assert (bare.status, bare.headers["WWW-Authenticate"]) == (401, "Bearer"), route
        for reason, token in tokens.items():
            reply = await entries.bearer(token).request(route.method, route.path)
            challenge = reply.headers.get("WWW-Authenticate", "")
            assert reply.status == 401, (route, reason)
            assert 'error="invalid_token"' in challenge, (route, reason)


async def test_each_route_asks_for_its_scope_and_is_content_with_it(
    entries: Service, issuer: Issuer, routes: list[Route]
) -> None:
    scoped = [route for route in routes if route.access.scopes]
    assert scoped
    for route in scoped:
        others = " ".join(scope for scope in Scope if scope not in route.access.scopes)
        without = await entries.bearer(issuer.token(scope=others)).request(route.method, route.path)
        challenge = without.headers.get("WWW-Authenticate", "")
        assert without.status == 403, route
        assert 'error="insufficient_scope"' in challenge, route
        for scope in route.access.scopes:
            assert scope in challenge, route
            right = await entries.bearer(issuer.token(scope=scope)).request(
                route.method, route.path
            )
            assert right.status not in (401, 403, 500), (route, scope, right.body)


async def test_what_is_for_everybody_is_only_the_api_page(routes: list[Route]) -> None:
    public = {route.template for route in routes if route.access.public}
    assert public == {
        "/v1/entries/openapi.json",
        "/v1/entries/docs",
        "/v1/entries/docs/static/start.js",
        "/v1/entries/docs/static/swagger-ui.css",
        "/v1/entries/docs/static/swagger-ui-bundle.js",
    }


async def test_a_route_asks_for_the_scope_that_the_design_names(routes: list[Route]) -> None:
    asked = {
        f"{route.method} {route.template}": {str(scope) for scope in route.access.scopes}
        for route in routes
        if not route.access.public
    }
    read, create = {"read:timesheets"}, {"create:timesheets"}
    manage = {"manage:timesheets"}
    assert asked == {
        "GET /v1/entries/feed": {"read:events"},
        "GET /v1/reports/missing": {"read:reports", "approve:timesheets"},
        "GET /v1/entries": read,
        "POST /v1/entries": create,
        "GET /v1/entries/rules": set(),
        "POST /v1/entries/copy": create,
        "GET /v1/entries/{id}": read,
        "PUT /v1/entries/{id}": create,
        "PATCH /v1/entries/{id}": create,
        "DELETE /v1/entries/{id}": {"delete:timesheets"},
        "GET /v1/timesheets": read,
        "GET /v1/timesheets/{week}": read,
        "POST /v1/timesheets/{week}/submit": create,
        "POST /v1/timesheets/{week}/withdraw": create,
        "POST /v1/timesheets/{week}/reopen": manage,
        "GET /v1/projects": read,
        "GET /v1/projects/{code}": read,
        "POST /v1/projects/{code}": manage,
        "PATCH /v1/projects/{code}": manage,
        "PUT /v1/period": manage,
    }
