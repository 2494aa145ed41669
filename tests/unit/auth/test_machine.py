import asyncio
import json
from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest
from aiohttp import web

from libs.auth import (
    MachineTokenError,
    MachineTokenRefused,
    MachineTokens,
    MachineTokenUnavailable,
    Scope,
    TokenVerifier,
)
from tests.support.issuer import Issuer
from tests.unit.auth.conftest import Seconds

Make = Callable[..., MachineTokens]


@pytest.fixture
async def make(
    session: aiohttp.ClientSession, issuer: Issuer, seconds: Seconds
) -> AsyncIterator[Make]:
    made: list[MachineTokens] = []

    def machine_tokens(secret: str = "follower-secret", timeout: float = 5.0) -> MachineTokens:
        tokens = MachineTokens(
            session,
            issuer.token_url,
            "follower",
            secret,
            issuer.audience,
            clock=seconds,
            timeout=timeout,
        )
        made.append(tokens)
        return tokens

    yield machine_tokens
    for tokens in made:
        await tokens.close()


@pytest.fixture
def tokens(make: Make) -> MachineTokens:
    return make()


def answer(status: int = 200, **members: object) -> Callable[[], web.StreamResponse]:
    good = {"access_token": "abc", "token_type": "Bearer", "expires_in": 3600}
    given = {name: value for name, value in (good | members).items() if value is not None}
    return lambda: web.json_response(given, status=status)


async def test_the_token_is_one_our_services_take(
    tokens: MachineTokens, verifier: TokenVerifier
) -> None:
    principal = await verifier.verify(await tokens.get())
    assert principal.is_machine
    assert principal.client_id == "follower"
    assert principal.scopes == {Scope.READ_EVENTS}


async def test_many_callers_at_once_ask_for_one_token(
    tokens: MachineTokens, issuer: Issuer
) -> None:
    assert len(set(await asyncio.gather(*(tokens.get() for _ in range(100))))) == 1
    assert issuer.grants == 1


async def test_a_token_is_kept_until_shortly_before_it_expires(
    tokens: MachineTokens, issuer: Issuer, seconds: Seconds
) -> None:
    first = await tokens.get()
    seconds.advance(3600 - 61)
    assert await tokens.get() == first
    seconds.advance(1)
    assert await tokens.get() != first
    assert issuer.grants == 2


async def test_a_short_lived_token_is_kept_for_half_its_life(
    tokens: MachineTokens, issuer: Issuer, seconds: Seconds
) -> None:
    issuer.token_answer = answer(expires_in=20)
    await tokens.get()
    seconds.advance(9)
    await tokens.get()
    assert issuer.grants == 1
    seconds.advance(1)
    await tokens.get()
    assert issuer.grants == 2


async def test_a_token_that_was_refused_is_replaced(
    tokens: MachineTokens, issuer: Issuer, seconds: Seconds
) -> None:
    refused = await tokens.get()
    seconds.advance(1)
    tokens.invalidate()
    assert await tokens.get() != refused
    assert issuer.grants == 2


async def test_of_many_rejections_of_one_token_only_the_first_counts(
    tokens: MachineTokens, issuer: Issuer, seconds: Seconds
) -> None:
    refused = await tokens.get()
    seconds.advance(1)
    for _ in range(5):
        tokens.invalidate(refused)
        await tokens.get()
    assert issuer.grants == 2


async def test_a_waiter_that_gives_up_does_not_end_it_for_the_others(
    tokens: MachineTokens, issuer: Issuer
) -> None:
    issuer.gate.clear()
    impatient, patient = (asyncio.create_task(tokens.get()) for _ in range(2))
    await issuer.tokens_requested()
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    issuer.gate.set()
    assert await patient
    assert issuer.grants == 1


async def test_wrong_credentials_are_refused(make: Make) -> None:
    with pytest.raises(MachineTokenRefused, match="status 401, access_denied"):
        await make(secret="wrong").get()


async def test_after_a_failure_the_next_call_asks_again(
    tokens: MachineTokens, issuer: Issuer
) -> None:
    issuer.down = True
    with pytest.raises(MachineTokenUnavailable):
        await tokens.get()
    issuer.down = False
    assert await tokens.get()


async def test_an_endpoint_that_does_not_answer_is_given_up(make: Make, issuer: Issuer) -> None:
    issuer.gate.clear()
    with pytest.raises(MachineTokenUnavailable):
        await make(timeout=0.01).get()


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        pytest.param(answer(400, error="invalid_scope"), MachineTokenRefused, id="400"),
        pytest.param(answer(403), MachineTokenRefused, id="403 without a code"),
        pytest.param(
            lambda: web.Response(text="<html>", status=404), MachineTokenRefused, id="a web page"
        ),
        pytest.param(answer(429), MachineTokenUnavailable, id="too many requests"),
        pytest.param(answer(408), MachineTokenUnavailable, id="too slow"),
        pytest.param(answer(500), MachineTokenUnavailable, id="an error"),
        pytest.param(answer(201), MachineTokenUnavailable, id="another success"),
        pytest.param(answer(access_token=None), MachineTokenUnavailable, id="no token"),
        pytest.param(answer(access_token=""), MachineTokenUnavailable, id="an empty token"),
        pytest.param(answer(access_token=7), MachineTokenUnavailable, id="a number for a token"),
        pytest.param(
            answer(access_token="a\r\nX-Evil: b"), MachineTokenUnavailable, id="a line break"
        ),
        pytest.param(answer(token_type="mac"), MachineTokenUnavailable, id="another kind"),
        pytest.param(answer(token_type=None), MachineTokenUnavailable, id="no kind"),
        pytest.param(answer(expires_in=None), MachineTokenUnavailable, id="no lifetime"),
        pytest.param(answer(expires_in="3600"), MachineTokenUnavailable, id="a text for it"),
        pytest.param(answer(expires_in=True), MachineTokenUnavailable, id="a truth for it"),
        pytest.param(answer(expires_in=0), MachineTokenUnavailable, id="expired at once"),
        pytest.param(
            lambda: web.Response(text=json.dumps({"a": "b" * 70_000})),
            MachineTokenUnavailable,
            id="more than 64 KiB",
        ),
        pytest.param(lambda: web.Response(text="{"), MachineTokenUnavailable, id="half JSON"),
    ],
)
async def test_an_answer_without_a_token_is_an_error(
    tokens: MachineTokens,
    issuer: Issuer,
    reply: Callable[[], web.StreamResponse],
    error: type[MachineTokenError],
) -> None:
    issuer.token_answer = reply
    with pytest.raises(error):
        await tokens.get()


async def test_a_redirect_is_not_followed(tokens: MachineTokens, issuer: Issuer) -> None:
    redirect = web.Response(status=307, headers={"Location": issuer.token_url})
    answers = iter([redirect, answer()()])
    issuer.token_answer = lambda: next(answers)
    with pytest.raises(MachineTokenUnavailable):
        await tokens.get()
    assert issuer.grants == 1, "the secret goes nowhere else"


async def test_an_error_contains_neither_the_secret_nor_the_response(
    make: Make, issuer: Issuer
) -> None:
    tokens = make(secret="hush-hush")
    for reply in (answer(400, error="odd\ncode"), answer(500, detail="hush"), answer(401)):
        issuer.token_answer = reply
        with pytest.raises(MachineTokenError) as failure:
            await tokens.get()
        assert "hush" not in str(failure.value)
        assert "odd" not in str(failure.value)
