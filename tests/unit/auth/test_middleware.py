import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

import libs.auth
from libs.auth import (
    PRINCIPAL,
    JwksKeys,
    RejectionLimit,
    Scope,
    TokenVerifier,
    authenticated,
    authentication,
    public,
    require_scope,
    requires,
)
from libs.auth.keys import EMPTY_PAUSE, FRESH
from tests.support.issuer import Issuer, rsa_key
from tests.unit.auth.conftest import Seconds

Client = TestClient[web.Request, web.Application]

VERIFIER = web.AppKey("VERIFIER", TokenVerifier)

NOT_VALID = 'Bearer error="invalid_token", error_description="The access token is not valid"'
EXPIRED = 'Bearer error="invalid_token", error_description="The access token expired"'


@public
async def greet(request: web.Request) -> web.Response:
    return web.Response(text=f"hello, {request.get(PRINCIPAL)}")


@authenticated
async def tell(request: web.Request) -> web.Response:
    return web.Response(text=request[PRINCIPAL].subject)


@requires(Scope.READ_REPORTS, Scope.APPROVE_TIMESHEETS)
async def report(request: web.Request) -> web.Response:
    return web.Response(text=request[PRINCIPAL].subject)


@authenticated
async def pry(request: web.Request) -> web.Response:
    require_scope(request, Scope.MANAGE_PEOPLE)
    return web.Response()


async def forget(_request: web.Request) -> web.Response:
    return web.Response(text="a secret")


def application(verifier: TokenVerifier | web.AppKey[TokenVerifier]) -> web.Application:
    inner = web.Application()
    inner.router.add_get("/me", tell)
    inner.router.add_get("/forgotten", forget)
    app = web.Application(middlewares=[authentication(verifier)])
    app.router.add_get("/hello", greet)
    app.router.add_get("/me", tell)
    app.router.add_post("/me", tell)
    app.router.add_get("/report", report)
    app.router.add_get("/pry", pry)
    app.router.add_get("/forgotten", forget)
    app.add_subapp("/inner/", inner)
    return app


@pytest.fixture
async def client(verifier: TokenVerifier) -> AsyncIterator[Client]:
    async with TestClient(TestServer(application(verifier))) as made:
        yield made


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_a_good_token_reaches_the_handler(client: Client, issuer: Issuer) -> None:
    answer = await client.get("/me", headers=bearer(issuer.token("auth0|erin")))
    assert (answer.status, await answer.text()) == (200, "auth0|erin")


async def test_without_credentials_the_challenge_is_bare(client: Client) -> None:
    answer = await client.get("/me")
    assert answer.status == 401
    assert answer.headers.getall("WWW-Authenticate") == ["Bearer"]
    assert await answer.text() == "This needs an access token"


@pytest.mark.parametrize("value", ["", "Basic ZXJpbjpzZWNyZXQ=", "DPoP abc", "Bearerx a.b.c"])
async def test_credentials_of_another_kind_are_none(client: Client, value: str) -> None:
    answer = await client.get("/me", headers={"Authorization": value})
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
async def test_the_case_of_the_scheme_does_not_matter(
    client: Client, issuer: Issuer, scheme: str
) -> None:
    answer = await client.get("/me", headers={"Authorization": f"{scheme} {issuer.token()}"})
    assert answer.status == 200


async def test_the_token_may_stand_further_off(client: Client, issuer: Issuer) -> None:
    """RFC 9110 11.4 has one space or more there, RFC 6750 2.1 too."""
    answer = await client.get("/me", headers={"Authorization": f"Bearer   {issuer.token()}"})
    assert answer.status == 200


@pytest.mark.parametrize("credentials", ["Bearer", "Bearer ", "Bearer rubbish", "Bearer a.b.c"])
async def test_a_bad_token_is_refused_without_a_hint(client: Client, credentials: str) -> None:
    answer = await client.get("/me", headers={"Authorization": credentials})
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == NOT_VALID
    assert await answer.text() == "The access token is not valid"


async def test_all_bad_tokens_look_alike_from_outside(client: Client, issuer: Issuer) -> None:
    tokens = [
        "rubbish",
        issuer.token(headers={"kid": "unknown"}),
        issuer.sign(issuer.header(), issuer.payload(), rsa_key(7)),
        issuer.sign(issuer.header(), issuer.payload(exp=1), rsa_key(7)),
        issuer.token(aud="other"),
        issuer.token(nbf=int(issuer.clock()) + 3600),
        issuer.token(nonce="n", exp=int(issuer.clock()) - 3600),
    ]
    answers = set()
    for token in tokens:
        answer = await client.get("/me", headers=bearer(token))
        answers.add((answer.status, answer.headers["WWW-Authenticate"], await answer.text()))
    assert answers == {(401, NOT_VALID, "The access token is not valid")}


async def test_only_a_token_that_was_good_is_called_expired(
    client: Client, issuer: Issuer, seconds: Seconds
) -> None:
    token = issuer.token()
    seconds.advance(3600 + 60)
    answer = await client.get("/me", headers=bearer(token))
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, EXPIRED)


async def test_two_authorization_headers_are_refused(client: Client, issuer: Issuer) -> None:
    good = f"Bearer {issuer.token()}"
    for pair in ((good, good), (good, "Bearer x"), ("Bearer x", good), ("Basic eA==", good)):
        headers = [("Authorization", value) for value in pair]
        answer = await client.get("/me", headers=headers)
        assert answer.status in (400, 401)


async def test_two_tokens_in_one_header_are_refused(client: Client, issuer: Issuer) -> None:
    for joined in (", Bearer ", ",", " "):
        value = f"Bearer {issuer.token()}{joined}{issuer.token()}"
        answer = await client.get("/me", headers={"Authorization": value})
        assert answer.status == 401


async def test_a_token_elsewhere_than_in_the_header_is_not_looked_at(
    client: Client, issuer: Issuer
) -> None:
    token = issuer.token()
    answers = [
        await client.get("/me", params={"access_token": token}),
        await client.post("/me", data={"access_token": token}),
        await client.get("/me", headers={"Cookie": f"access_token={token}"}),
        await client.get("/me", headers={"X-Authorization": f"Bearer {token}"}),
    ]
    assert {(a.status, a.headers["WWW-Authenticate"]) for a in answers} == {(401, "Bearer")}


async def test_a_public_handler_looks_at_no_token(client: Client, issuer: Issuer) -> None:
    for headers in ({}, bearer("rubbish"), bearer(issuer.token())):
        answer = await client.get("/hello", headers=headers)
        assert (answer.status, await answer.text()) == (200, "hello, None")
    assert issuer.fetches == 0


@pytest.mark.parametrize(
    ("scope", "status"),
    [
        ("read:reports", 200),
        ("approve:timesheets", 200),
        ("read:reports approve:timesheets read:people", 200),
        ("read:people", 403),
        ("read:reportsx", 403),
        ("", 403),
    ],
)
async def test_any_one_of_the_scopes_is_enough(
    client: Client, issuer: Issuer, scope: str, status: int
) -> None:
    answer = await client.get("/report", headers=bearer(issuer.token(scope=scope)))
    assert answer.status == status


async def test_a_missing_scope_is_named(client: Client, issuer: Issuer) -> None:
    answer = await client.get("/report", headers=bearer(issuer.token(scope="read:people")))
    assert answer.status == 403
    reason = "This needs the scope read:reports or approve:timesheets"
    assert await answer.text() == reason
    assert answer.headers["WWW-Authenticate"] == (
        f'Bearer error="insufficient_scope", error_description="{reason}", '
        'scope="read:reports approve:timesheets"'
    )


async def test_a_handler_can_ask_for_a_scope_itself(client: Client, issuer: Issuer) -> None:
    refused = await client.get("/pry", headers=bearer(issuer.token(scope="read:people")))
    assert refused.status == 403
    assert 'scope="manage:people"' in refused.headers["WWW-Authenticate"]
    allowed = await client.get("/pry", headers=bearer(issuer.token(scope="manage:people")))
    assert allowed.status == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("DELETE", "/me", 405), ("OPTIONS", "/me", 405)],
)
async def test_what_does_not_exist_needs_no_token(
    client: Client, method: str, path: str, status: int
) -> None:
    assert (await client.request(method, path)).status == status


async def test_head_asks_for_what_get_asks_for(client: Client, issuer: Issuer) -> None:
    assert (await client.head("/me")).status == 401
    assert (await client.head("/me", headers=bearer(issuer.token()))).status == 200


async def test_routes_of_sub_applications_are_protected(client: Client, issuer: Issuer) -> None:
    assert (await client.get("/inner/me")).status == 401
    assert (await client.get("/inner/me", headers=bearer(issuer.token()))).status == 200


@pytest.mark.parametrize("path", ["/forgotten", "/inner/forgotten"])
async def test_a_handler_without_an_access_rule_is_rejected(
    client: Client, issuer: Issuer, path: str
) -> None:
    answer = await client.get(path, headers=bearer(issuer.token()))
    assert answer.status == 500
    assert "secret" not in await answer.text()


async def test_without_keys_the_response_is_503_with_retry_after(
    client: Client, issuer: Issuer, seconds: Seconds
) -> None:
    issuer.down = True
    answer = await client.get("/me", headers=bearer(issuer.token()))
    assert answer.status == 503
    assert answer.headers["Retry-After"] == str(EMPTY_PAUSE)
    issuer.down = False
    seconds.advance(EMPTY_PAUSE)
    assert (await client.get("/me", headers=bearer(issuer.token()))).status == 200


async def test_a_malformed_token_is_refused_even_without_keys(
    client: Client, issuer: Issuer
) -> None:
    issuer.down = True
    assert (await client.get("/me", headers=bearer("rubbish"))).status == 401
    assert issuer.fetches == 0


async def test_a_verifier_made_at_the_start_is_found_by_its_key(
    verifier: TokenVerifier, issuer: Issuer
) -> None:
    app = application(VERIFIER)
    app[VERIFIER] = verifier
    async with TestClient(TestServer(app)) as client:
        for path in ("/me", "/inner/me"):
            assert (await client.get(path, headers=bearer(issuer.token()))).status == 200


async def test_a_sub_application_finds_the_verifier_of_the_whole(
    verifier: TokenVerifier, issuer: Issuer
) -> None:
    whole = web.Application()
    whole[VERIFIER] = verifier
    whole.add_subapp("/v1/", application(VERIFIER))
    async with TestClient(TestServer(whole)) as client:
        assert (await client.get("/v1/me", headers=bearer(issuer.token()))).status == 200
        assert (await client.get("/v1/me")).status == 401


async def test_no_request_fails_while_the_keys_are_rotated(
    client: Client, issuer: Issuer, seconds: Seconds
) -> None:
    async def call(token: str) -> int:
        async with client.get("/me", headers=bearer(token)) as answer:
            return answer.status

    held = [issuer.token(f"auth0|{number}") for number in range(10)]
    for turn in range(4):
        statuses = await asyncio.gather(*(call(token) for token in held))
        assert set(statuses) == {200}, f"turn {turn}"
        issuer.rotate()
        held = held[5:] + [issuer.token(f"auth0|{turn}-{number}") for number in range(5)]
        seconds.advance(FRESH / 2)


async def test_a_rotation_nobody_announced_costs_one_fetch(client: Client, issuer: Issuer) -> None:
    await client.get("/me", headers=bearer(issuer.token()))
    issuer.rotate()
    issuer.rotate()
    tokens = [issuer.token(f"auth0|{number}") for number in range(20)]
    answers = await asyncio.gather(*(client.get("/me", headers=bearer(t)) for t in tokens))
    assert {answer.status for answer in answers} == {200}
    assert issuer.fetches == 2


async def test_known_keys_keep_working_while_the_issuer_is_down_for_ten_minutes(
    client: Client, issuer: Issuer, seconds: Seconds
) -> None:
    await client.get("/me", headers=bearer(issuer.token()))
    issuer.down = True
    for minute in range(11):
        seconds.advance(60)
        token = issuer.token(f"auth0|{minute}")
        assert (await client.get("/me", headers=bearer(token))).status == 200


def test_the_package_stands_alone() -> None:
    """A partner who takes libs.auth needs nothing else of ours, and no metrics or log library."""
    program = (
        "import sys, libs.auth; print([name for name in sys.modules if name.startswith("
        "('libs.web', 'libs.postgres', 'libs.feed', 'services', 'structlog', 'prometheus'))])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(libs.auth.__file__).parents[2],
    )
    assert ran.stdout.strip() == "[]"


async def test_too_many_rejections_are_429(issuer: Issuer, keys: JwksKeys) -> None:
    verifier = TokenVerifier(
        issuer.issuer, issuer.audience, keys, rejections=RejectionLimit(1, clock=lambda: 0.0)
    )
    async with TestClient(TestServer(application(verifier))) as client:
        statuses = [
            (await client.get("/me", headers=bearer(f"a.b.{number}"))).status for number in range(4)
        ]
        limited = await client.get("/me", headers=bearer(issuer.token()))
    assert statuses == [401, 401, 429, 429]
    assert (limited.status, limited.headers["Retry-After"]) == (429, "1")
    assert "WWW-Authenticate" not in limited.headers
