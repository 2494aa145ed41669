"""Step-up authentication (RFC 9470): a recent second factor for handlers that require one."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import hdrs, web
from aiohttp.test_utils import TestClient, TestServer

from libs.auth import Scope, TokenVerifier, authentication, requires
from tests.support.issuer import Issuer
from tests.unit.auth.conftest import Seconds

Client = TestClient[web.Request, web.Application]

MFA_AT = "https://api.exampleco.com/mfa_at"
MAX_AGE = 600
CHALLENGE = (
    'Bearer error="insufficient_user_authentication", '
    'error_description="This needs a recent sign-in with a second factor", '
    'acr_values="http://schemas.openid.net/pape/policies/2007/06/multi-factor", max_age="600"'
)


@requires(Scope.APPROVE_TIMESHEETS, step_up=True)
async def decide(_request: web.Request) -> web.Response:
    return web.Response()


@requires(Scope.APPROVE_TIMESHEETS)
async def read(_request: web.Request) -> web.Response:
    return web.Response()


def application(
    verifier: TokenVerifier, max_age: float | None, seconds: Seconds
) -> web.Application:
    middleware = authentication(verifier, step_up_max_age=max_age, clock=seconds)
    app = web.Application(middlewares=[middleware])
    app.router.add_put("/decision", decide)
    app.router.add_get("/decision", read, allow_head=False)
    return app


@pytest.fixture
async def client(verifier: TokenVerifier, seconds: Seconds) -> AsyncIterator[Client]:
    async with TestClient(TestServer(application(verifier, MAX_AGE, seconds))) as made:
        yield made


def bearer(issuer: Issuer, mfa_at: object, **claims: Any) -> dict[str, str]:
    made: dict[str, Any] = {MFA_AT: mfa_at, **claims}
    token = issuer.token(scope="approve:timesheets", **made)
    return {hdrs.AUTHORIZATION: f"Bearer {token}"}


async def test_a_recent_second_factor_is_enough(
    client: Client, issuer: Issuer, seconds: Seconds
) -> None:
    response = await client.put("/decision", headers=bearer(issuer, int(seconds()) - MAX_AGE))

    assert response.status == 200


@pytest.mark.parametrize("age", [MAX_AGE + 1, -3600])
async def test_an_old_or_future_second_factor_is_challenged(
    client: Client, issuer: Issuer, seconds: Seconds, age: int
) -> None:
    response = await client.put("/decision", headers=bearer(issuer, int(seconds()) - age))

    assert response.status == 401
    assert response.headers[hdrs.WWW_AUTHENTICATE] == CHALLENGE


@pytest.mark.parametrize("mfa_at", [None, True, "1700000000", float("nan"), [1700000000], -1])
async def test_a_missing_or_malformed_second_factor_is_challenged(
    client: Client, issuer: Issuer, mfa_at: object
) -> None:
    response = await client.put("/decision", headers=bearer(issuer, mfa_at))

    assert response.status == 401


async def test_a_remembered_token_ages(client: Client, issuer: Issuer, seconds: Seconds) -> None:
    headers = bearer(issuer, int(seconds()))

    assert (await client.put("/decision", headers=headers)).status == 200
    seconds.now += MAX_AGE + 1
    assert (await client.put("/decision", headers=headers)).status == 401


async def test_reading_needs_no_second_factor(client: Client, issuer: Issuer) -> None:
    response = await client.get("/decision", headers=bearer(issuer, None))

    assert response.status == 200


async def test_a_machine_has_no_second_factor_to_show(client: Client, issuer: Issuer) -> None:
    token = issuer.machine_token("hr-sync", "approve:timesheets", **{MFA_AT: None})
    response = await client.put("/decision", headers={hdrs.AUTHORIZATION: f"Bearer {token}"})

    assert response.status == 200


async def test_the_scope_is_checked_first(client: Client, issuer: Issuer) -> None:
    token = issuer.token(scope="read:timesheets", **{MFA_AT: None})
    response = await client.put("/decision", headers={hdrs.AUTHORIZATION: f"Bearer {token}"})

    assert response.status == 403


async def test_step_up_can_be_switched_off(
    verifier: TokenVerifier, issuer: Issuer, seconds: Seconds
) -> None:
    async with TestClient(TestServer(application(verifier, None, seconds))) as client:
        response = await client.put("/decision", headers=bearer(issuer, None))

    assert response.status == 200


async def test_a_token_bound_to_a_key_is_no_bearer_token(client: Client, issuer: Issuer) -> None:
    response = await client.get("/decision", headers=bearer(issuer, None, cnf={"jkt": "thumb"}))

    assert response.status == 401
