"""Every route against every kind of token. The routes are found, not listed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

from cryptography.hazmat.primitives import serialization

from libs.auth import Scope
from tests.conftest import Guarded
from tests.support.issuer import Issuer, base64url, rsa_key

ALL_SCOPES = " ".join(Scope)

READ, CREATE = {"read:timesheets"}, {"create:timesheets"}
APPROVE, MANAGE = {"approve:timesheets"}, {"manage:timesheets"}
UPLOAD, REPORTS = {"batch:upload"}, {"read:reports"}
EVENTS, PEOPLE = {"read:events"}, {"read:people"}
ANY_TOKEN: set[str] = set()

# Design section 5, by service.
REQUIRED = {
    "entries": {
        "GET /v1/entries": READ,
        "POST /v1/entries": CREATE,
        "GET /v1/entries/feed": EVENTS,
        "GET /v1/entries/rules": ANY_TOKEN,
        "POST /v1/entries/copy": CREATE,
        "GET /v1/entries/{id}": READ,
        "PUT /v1/entries/{id}": CREATE,
        "PATCH /v1/entries/{id}": CREATE,
        "DELETE /v1/entries/{id}": {"delete:timesheets"},
        "GET /v1/timesheets": READ,
        "GET /v1/timesheets/{week}": READ,
        "POST /v1/timesheets/{week}/submit": CREATE,
        "POST /v1/timesheets/{week}/withdraw": CREATE,
        "POST /v1/timesheets/{week}/reopen": MANAGE | APPROVE,
        "GET /v1/absences": READ,
        "PUT /v1/absences/{id}": CREATE,
        "DELETE /v1/absences/{id}": {"delete:timesheets"},
        "GET /v1/holidays": READ,
        "PUT /v1/holidays/{date}": MANAGE,
        "DELETE /v1/holidays/{date}": MANAGE,
        "GET /v1/calendar": READ,
        "GET /v1/projects": READ,
        "GET /v1/projects/{code}": READ,
        "POST /v1/projects/{code}": MANAGE,
        "PATCH /v1/projects/{code}": MANAGE,
        "GET /v1/period": READ,
        "PUT /v1/period": MANAGE,
        "GET /v1/changes/entries": {"read:audit"},
        "POST /v1/batches": UPLOAD,
        "GET /v1/batches": UPLOAD | MANAGE,
        "GET /v1/batches/{id}": UPLOAD | MANAGE,
        "DELETE /v1/batches/{id}": UPLOAD | MANAGE,
        "GET /v1/batches/{id}/errors": UPLOAD | MANAGE,
        "GET /v1/batches/{id}/rows": UPLOAD | MANAGE,
        "GET /v1/reports/entries": REPORTS,
        "GET /v1/reports/totals": REPORTS,
        "GET /v1/reports/weeks": REPORTS,
        "GET /v1/reports/missing": REPORTS | APPROVE,
    },
    "approvals": {
        "GET /v1/approvals": APPROVE,
        "GET /v1/approvals/feed": EVENTS,
        "GET /v1/approvals/overdue": APPROVE,
        "POST /v1/approvals/decisions": APPROVE,
        "GET /v1/approvals/{id}": APPROVE,
        "PUT /v1/approvals/{id}/decision": APPROVE,
        "GET /v1/approvals/{id}/history": APPROVE,
        "GET /v1/changes/approvals": {"read:audit"},
    },
    "profile": {
        "GET /v1/profile": ANY_TOKEN,
        "PATCH /v1/profile": ANY_TOKEN,
        "PUT /v1/profile/delegate": APPROVE,
        "DELETE /v1/profile/delegate": APPROVE,
        "GET /v1/people": PEOPLE,
        "GET /v1/people/feed": EVENTS,
        "GET /v1/people/{sub}": PEOPLE,
        "PUT /v1/people/{sub}": {"manage:people"},
        "PATCH /v1/people/{sub}": {"manage:people"},
        "GET /v1/people/{sub}/contracts": PEOPLE,
        "PUT /v1/people/{sub}/contracts/{from}": {"manage:people"},
        "DELETE /v1/people/{sub}/contracts/{from}": {"manage:people"},
        "GET /v1/changes/profile": {"read:audit"},
    },
}


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


async def test_no_route_lets_a_bad_token_in(guarded: Guarded, issuer: Issuer) -> None:
    tokens = bad_tokens(issuer)
    for route in (route for route in guarded.routes if not route.access.public):
        bare = await guarded.service.bearer(None).request(route.method, route.path)
        assert (bare.status, bare.headers["WWW-Authenticate"]) == (401, "Bearer"), str(route)
        for reason, token in tokens.items():
            reply = await guarded.service.bearer(token).request(route.method, route.path)
            challenge = reply.headers.get("WWW-Authenticate", "")
            assert reply.status == 401, (str(route), reason)
            assert 'error="invalid_token"' in challenge, (str(route), reason)


async def test_each_route_asks_for_its_scope_and_is_content_with_it(
    guarded: Guarded, issuer: Issuer
) -> None:
    for route in (route for route in guarded.routes if route.access.scopes):
        others = " ".join(scope for scope in Scope if scope not in route.access.scopes)
        poor = guarded.service.bearer(issuer.token(scope=others))
        without = await poor.request(route.method, route.path)
        challenge = without.headers.get("WWW-Authenticate", "")
        assert without.status == 403, str(route)
        assert 'error="insufficient_scope"' in challenge, str(route)
        for scope in route.access.scopes:
            assert scope in challenge, str(route)
            right = guarded.service.bearer(_token_with(issuer, scope))
            reply = await right.request(route.method, route.path)
            assert reply.status not in (401, 403, 500), (str(route), scope, reply.body)


def _token_with(issuer: Issuer, scope: Scope) -> str:
    """Of a machine if only machines may use the scope, otherwise of a person."""
    if scope is Scope.BATCH_UPLOAD:
        return issuer.machine_token("agency", scope)
    return issuer.token(scope=scope)


async def test_only_the_api_page_is_for_everybody(guarded: Guarded) -> None:
    base = f"/v1/{guarded.name}"
    assert {route.template for route in guarded.routes if route.access.public} == {
        "/problems/{status}",
        "/.well-known/oauth-protected-resource",
        f"{base}/openapi.json",
        f"{base}/swagger.json",
        f"{base}/docs",
        f"{base}/docs/static/start.js",
        f"{base}/docs/static/swagger-ui.css",
        f"{base}/docs/static/swagger-ui-bundle.js",
        f"{base}/docs/static/oauth2-redirect.html",
        f"{base}/docs/static/oauth2-redirect.js",
    }


async def test_a_route_asks_for_the_scope_that_the_design_names(guarded: Guarded) -> None:
    required = {
        str(route): {str(scope) for scope in route.access.scopes}
        for route in guarded.routes
        if not route.access.public
    }
    assert required == REQUIRED[guarded.name]
