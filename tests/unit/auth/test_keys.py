import asyncio
import gzip
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from libs.auth import FetchOutcome, JwksKeys, KeysUnavailable
from libs.auth.keys import FRESH, MAX_DOCUMENT, SEARCH_PAUSE, STALE_PAUSE, USABLE
from tests.support.issuer import Issuer
from tests.unit.auth.conftest import Seconds


@pytest.fixture
async def warm(keys: JwksKeys, issuer: Issuer) -> JwksKeys:
    """Keys that have been fetched once."""
    await keys.refresh()
    assert issuer.fetches == 1
    return keys


@pytest.fixture
async def discovering(
    session: aiohttp.ClientSession, issuer: Issuer, seconds: Seconds
) -> AsyncIterator[JwksKeys]:
    """Keys whose address is not given."""
    made = JwksKeys(session, issuer.issuer, clock=seconds)
    yield made
    await made.close()


async def test_a_thousand_requests_at_once_fetch_the_keys_once(
    keys: JwksKeys, issuer: Issuer
) -> None:
    found = await asyncio.gather(*(keys.find(issuer.kid) for _ in range(1000)))
    assert None not in found
    assert issuer.fetches == 1


async def test_a_key_of_the_issuer_is_found(keys: JwksKeys, issuer: Issuer) -> None:
    assert keys.get(issuer.kid) is None
    assert await keys.find(issuer.kid) == issuer.key.public_key()
    assert keys.get(issuer.kid) == issuer.key.public_key()


async def test_keys_are_not_fetched_again_while_fresh(
    warm: JwksKeys, issuer: Issuer, seconds: Seconds
) -> None:
    seconds.advance(FRESH - 1)
    await warm.find(issuer.kid)
    assert issuer.fetches == 1


async def test_stale_keys_answer_at_once_and_are_fetched_behind_the_scenes(
    warm: JwksKeys, issuer: Issuer, seconds: Seconds
) -> None:
    seconds.advance(FRESH)
    issuer.gate.clear()
    assert await warm.find(issuer.kid) is not None
    await issuer.keys_fetched(times=2)
    issuer.rotate()
    issuer.revoke_former()
    issuer.gate.set()
    await warm.refresh()  # waits for the fetch that is under way
    assert issuer.fetches == 2
    assert await warm.find("key-0") is None


async def test_the_present_and_the_next_key_are_known_before_a_rotation(
    warm: JwksKeys, issuer: Issuer
) -> None:
    issuer.rotate()
    assert await warm.find(issuer.kid) is not None
    assert issuer.fetches == 1


async def test_an_unknown_key_is_looked_for_at_once(warm: JwksKeys, issuer: Issuer) -> None:
    issuer.rotate()
    issuer.rotate()
    assert await warm.find(issuer.kid) == issuer.key.public_key()
    assert issuer.fetches == 2


async def test_all_waiters_for_a_new_key_get_it(warm: JwksKeys, issuer: Issuer) -> None:
    issuer.rotate()
    issuer.rotate()
    found = await asyncio.gather(*(warm.find(issuer.kid) for _ in range(100)))
    assert None not in found
    assert issuer.fetches == 2


async def test_unknown_keys_are_looked_for_once_in_30_seconds(
    warm: JwksKeys, issuer: Issuer, seconds: Seconds
) -> None:
    for number in range(50):
        assert await warm.find(f"made-up-{number}") is None
    assert issuer.fetches == 2
    seconds.advance(SEARCH_PAUSE - 1)
    await warm.find("another")
    assert issuer.fetches == 2
    seconds.advance(1)
    await warm.find("another")
    assert issuer.fetches == 3


async def test_a_key_that_is_published_late_is_found_half_a_minute_later(
    warm: JwksKeys, issuer: Issuer, seconds: Seconds
) -> None:
    assert await warm.find("key-2") is None
    issuer.rotate()
    assert await warm.find("key-2") is None
    seconds.advance(SEARCH_PAUSE)
    assert await warm.find("key-2") is not None


async def test_a_fetch_from_before_a_rotation_does_not_hide_the_new_key(
    warm: JwksKeys, issuer: Issuer, seconds: Seconds
) -> None:
    answers = [text(json.dumps({"keys": issuer.published()}))]
    seconds.advance(FRESH)
    issuer.gate.clear()
    await warm.find(issuer.kid)
    await issuer.keys_fetched(times=2)
    issuer.rotate()
    issuer.rotate()
    answers.append(text(json.dumps({"keys": issuer.published()})))
    issuer.jwks_answer = lambda: answers.pop(0)
    waiting = [asyncio.create_task(warm.find(issuer.kid)) for _ in range(10)]
    await asyncio.sleep(0)
    issuer.gate.set()
    assert None not in await asyncio.gather(*waiting)
    assert issuer.fetches == 3


async def test_a_fetch_under_way_that_brings_the_key_is_enough(
    warm: JwksKeys, issuer: Issuer, seconds: Seconds
) -> None:
    seconds.advance(FRESH)
    issuer.gate.clear()
    await warm.find(issuer.kid)
    await issuer.keys_fetched(times=2)
    issuer.rotate()
    issuer.rotate()
    waiting = [asyncio.create_task(warm.find(issuer.kid)) for _ in range(10)]
    await asyncio.sleep(0)
    issuer.gate.set()
    assert None not in await asyncio.gather(*waiting)
    assert issuer.fetches == 2


async def test_a_first_fetch_is_also_the_search_for_an_unknown_key(
    keys: JwksKeys, issuer: Issuer
) -> None:
    assert await keys.find("made-up") is None
    assert issuer.fetches == 1


async def test_known_keys_keep_working_while_the_issuer_is_down(
    warm: JwksKeys, issuer: Issuer, seconds: Seconds, fetched: list[FetchOutcome]
) -> None:
    issuer.down = True
    for _ in range(60):
        seconds.advance(60)
        assert await warm.find(issuer.kid) is not None
        await warm.refresh()
    assert fetched[1:] == [FetchOutcome.UNREACHABLE] * 60
    assert warm.generation == 1


async def test_requests_to_an_unreachable_issuer_are_spaced(
    warm: JwksKeys, issuer: Issuer, seconds: Seconds, fetched: list[FetchOutcome]
) -> None:
    issuer.down = True
    seconds.advance(FRESH)
    await warm.refresh()
    for _ in range(100):
        await warm.find(issuer.kid)
        await asyncio.sleep(0)  # lets a fetch begin, if there is one
    seconds.advance(STALE_PAUSE)
    await warm.find(issuer.kid)
    await warm.refresh()
    assert fetched == [FetchOutcome.FETCHED] + [FetchOutcome.UNREACHABLE] * 2


async def test_after_a_day_without_the_issuer_its_keys_are_given_up(
    warm: JwksKeys, issuer: Issuer, seconds: Seconds
) -> None:
    issuer.down = True
    seconds.advance(USABLE - 1)
    assert await warm.find(issuer.kid) is not None
    await warm.refresh()
    seconds.advance(31)
    with pytest.raises(KeysUnavailable):
        await warm.find(issuer.kid)
    assert warm.generation == 2


async def test_without_any_key_the_caller_gets_retry_after(
    keys: JwksKeys, issuer: Issuer, seconds: Seconds, fetched: list[FetchOutcome]
) -> None:
    issuer.down = True
    for _ in range(20):
        with pytest.raises(KeysUnavailable) as refusal:
            await keys.find(issuer.kid)
    assert fetched == [FetchOutcome.UNREACHABLE]
    issuer.down = False
    seconds.advance(refusal.value.retry_after)
    assert await keys.find(issuer.kid) is not None


async def test_a_fetch_that_takes_too_long_is_given_up(
    session: aiohttp.ClientSession, issuer: Issuer, fetched: list[FetchOutcome]
) -> None:
    keys = JwksKeys(session, issuer.issuer, issuer.jwks_url, on_fetch=fetched.append, timeout=0.01)
    issuer.gate.clear()
    with pytest.raises(KeysUnavailable):
        await keys.find(issuer.kid)
    assert fetched == [FetchOutcome.UNREACHABLE]


def text(body: str, status: int = 200) -> web.StreamResponse:
    return web.Response(text=body, status=status, content_type="application/json")


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda: text("<html>"), id="a web page"),
        pytest.param(lambda: text("[]"), id="a list"),
        pytest.param(lambda: text('{"keys": []}'), id="no keys"),
        pytest.param(lambda: text('{"keys": [], "keys": []}'), id="keys twice"),
        pytest.param(lambda: text('{"keys": [{"kty": "RSA"}]}'), id="no usable key"),
        pytest.param(lambda: text("", 204), id="no content"),
    ],
)
async def test_an_answer_that_is_no_key_set_changes_nothing(
    warm: JwksKeys, issuer: Issuer, answer: object, fetched: list[FetchOutcome]
) -> None:
    issuer.jwks_answer = answer  # type: ignore[assignment]  # each of them is such a function
    await warm.refresh()
    assert fetched == [FetchOutcome.FETCHED, FetchOutcome.INVALID]
    assert warm.get(issuer.kid) is not None
    assert warm.generation == 1


@pytest.mark.parametrize("status", [201, 203, 206, 404, 500, 503])
async def test_keys_that_come_with_another_status_than_200_are_not_taken(
    warm: JwksKeys, issuer: Issuer, status: int
) -> None:
    issuer.rotate()
    body = json.dumps({"keys": issuer.published()})
    issuer.jwks_answer = lambda: text(body, status)
    await warm.refresh()
    assert warm.generation == 1


async def test_a_redirect_is_not_followed(warm: JwksKeys, issuer: Issuer) -> None:
    issuer.rotate()
    redirect = web.Response(status=302, headers={"Location": issuer.jwks_url})
    answers = iter([redirect, text(json.dumps({"keys": issuer.published()}))])
    issuer.jwks_answer = lambda: next(answers)
    await warm.refresh()
    assert (warm.generation, issuer.fetches) == (1, 2)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(("excess", "generation"), [(0, 2), (1, 1)])
async def test_a_key_set_of_more_than_64_kib_is_refused(
    warm: JwksKeys, issuer: Issuer, packed: bool, excess: int, generation: int
) -> None:
    issuer.rotate()
    body = json.dumps({"keys": issuer.published()}).encode().ljust(MAX_DOCUMENT + excess)
    headers = {"Content-Encoding": "gzip"} if packed else {}
    sent = gzip.compress(body) if packed else body
    issuer.jwks_answer = lambda: web.Response(body=sent, headers=headers)
    await warm.refresh()
    assert warm.generation == generation


async def test_a_waiter_that_gives_up_does_not_end_the_fetch_for_the_others(
    keys: JwksKeys, issuer: Issuer
) -> None:
    issuer.gate.clear()
    impatient, patient = (asyncio.create_task(keys.find(issuer.kid)) for _ in range(2))
    await issuer.keys_fetched()
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    issuer.gate.set()
    assert await patient is not None
    assert issuer.fetches == 1


async def test_the_generation_rises_only_with_the_keys(warm: JwksKeys, issuer: Issuer) -> None:
    assert warm.generation == 1
    await warm.refresh()
    assert warm.generation == 1
    issuer.rotate()
    await warm.refresh()
    assert warm.generation == 2


async def test_another_key_under_the_same_id_is_a_change(warm: JwksKeys, issuer: Issuer) -> None:
    swapped = [dict(key) for key in issuer.published()]
    swapped[0]["n"], swapped[1]["n"] = swapped[1]["n"], swapped[0]["n"]
    issuer.jwks_answer = lambda: text(json.dumps({"keys": swapped}))
    await warm.refresh()
    assert warm.generation == 2


async def test_closing_ends_a_fetch_that_is_under_way(keys: JwksKeys, issuer: Issuer) -> None:
    issuer.gate.clear()
    waiting = asyncio.create_task(keys.find(issuer.kid))
    await issuer.keys_fetched()
    await keys.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_the_discovery_document_has_the_address_of_the_keys(
    discovering: JwksKeys, issuer: Issuer
) -> None:
    assert await discovering.find(issuer.kid) is not None
    await discovering.refresh()
    assert (issuer.discoveries, issuer.fetches) == (1, 2)


async def test_after_a_failure_the_address_is_discovered_again(
    discovering: JwksKeys, issuer: Issuer
) -> None:
    await discovering.refresh()
    issuer.down = True
    await discovering.refresh()
    issuer.down = False
    await discovering.refresh()
    assert issuer.discoveries == 2


async def test_an_issuer_without_a_last_slash_is_discovered_too(
    session: aiohttp.ClientSession, issuer: Issuer
) -> None:
    bare = issuer.issuer.removesuffix("/")
    issuer.discovery_answer = lambda: text(
        json.dumps({"issuer": bare, "jwks_uri": issuer.jwks_url})
    )
    assert await JwksKeys(session, bare).find(issuer.kid) is not None


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({"issuer": "https://other.example/"}, id="of another issuer"),
        pytest.param({"issuer": "{issuer}x"}, id="of an issuer that begins like ours"),
        pytest.param({"issuer": None}, id="of no issuer"),
        pytest.param({"jwks_uri": None}, id="no address"),
        pytest.param({"jwks_uri": "file:///etc/passwd"}, id="a file"),
        pytest.param({"jwks_uri": "http://["}, id="half an address"),
        pytest.param({"jwks_uri": "http:///keys"}, id="an address without a host"),
        pytest.param({"jwks_uri": "ftp://127.0.0.1/keys"}, id="another protocol"),
        pytest.param({"jwks_uri": ["{issuer}.well-known/jwks.json"]}, id="a list"),
    ],
)
async def test_a_discovery_document_that_is_not_for_us_is_refused(
    discovering: JwksKeys, issuer: Issuer, document: dict[str, object]
) -> None:
    good = {"issuer": issuer.issuer, "jwks_uri": issuer.jwks_url}
    body = json.dumps(good | document).replace("{issuer}", issuer.issuer)
    issuer.discovery_answer = lambda: text(body)
    with pytest.raises(KeysUnavailable):
        await discovering.find(issuer.kid)
    assert (issuer.discoveries, issuer.fetches) == (1, 0)


async def test_keys_of_a_secure_issuer_are_not_fetched_over_an_insecure_channel(
    session: aiohttp.ClientSession,
) -> None:
    keys = JwksKeys(session, "https://tenant.example/")
    with pytest.raises(ValueError, match="jwks_uri"):
        keys._checked_address("http://tenant.example/keys")
