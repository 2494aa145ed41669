"""Tokens over time: renewed once, stored before they are used, never given up for a bad network."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from unittest.mock import patch

import pytest

from mobile.core.issuer import Grant, GrantRefused
from mobile.core.network import Api, SignedOut, Unreachable
from mobile.core.tokens import Renewal, StoredSession, TokenStoreError
from tests.mobile.conftest import Phone
from tests.mobile.support import Fault, Network

TOKEN = "/oauth/token"


class KilledError(Exception):
    """The process ended here."""


def stored(phone: Phone) -> str:
    session = StoredSession.from_text(phone.store.secrets["session"])
    assert session is not None
    return session.refresh_token


async def test_fifty_calls_at_once_with_an_expired_token_make_one_renewal(
    phone: Phone, network: Network
) -> None:
    signed_in = await phone.sign_in()
    manager = phone.manager()
    manager.take(signed_in.grant)
    phone.clock.move(hours=2)
    network.seen.clear()

    tokens = await asyncio.gather(*(manager.access_token() for _ in range(50)))

    assert network.count(TOKEN) == 1
    assert len(set(tokens)) == 1
    assert tokens[0] != signed_in.grant.access_token


async def test_fifty_concurrent_401_responses_cause_one_renewal(
    phone: Phone, network: Network
) -> None:
    signed_in = await phone.sign_in()
    manager = phone.manager()
    manager.take(signed_in.grant)
    phone.clock.move(seconds=1)  # or the next token would be the same
    network.seen.clear()

    stale = signed_in.grant.access_token
    tokens = await asyncio.gather(*(manager.replace(stale) for _ in range(50)))

    assert network.count(TOKEN) == 1
    assert len(set(tokens)) == 1


async def test_a_token_is_renewed_before_it_expires(phone: Phone) -> None:
    signed_in = await phone.sign_in()
    manager = phone.manager()
    manager.take(signed_in.grant)

    phone.clock.move(minutes=57)
    assert await manager.access_token() == signed_in.grant.access_token
    phone.clock.move(minutes=2)
    assert await manager.access_token() != signed_in.grant.access_token


async def test_a_good_token_serves_while_renewing_fails(phone: Phone, network: Network) -> None:
    signed_in = await phone.sign_in()
    manager = phone.manager()
    manager.take(signed_in.grant)
    phone.clock.move(minutes=59)
    network.fault = lambda _request: Fault.LOST_BEFORE

    assert await manager.access_token() == signed_in.grant.access_token
    phone.clock.move(minutes=2)
    with pytest.raises(Unreachable):
        await manager.access_token()


async def test_a_kill_between_receiving_and_using_a_rotated_token_keeps_the_sign_in(
    phone: Phone,
) -> None:
    await phone.sign_in()
    before = stored(phone)
    killed = phone.manager()
    save = phone.store.save

    def save_and_die(name: str, secret: str) -> None:
        save(name, secret)
        raise KilledError

    with patch.object(phone.store, "save", save_and_die), pytest.raises(KilledError):
        await killed.access_token()

    assert stored(phone) != before
    assert await phone.knows(await phone.manager().access_token())


async def test_a_cancelled_waiter_does_not_stop_the_renewal(phone: Phone, network: Network) -> None:
    await phone.sign_in()
    before = stored(phone)
    manager = phone.manager()
    network.gate.clear()
    impatient = asyncio.create_task(manager.access_token())
    await asyncio.sleep(0)
    impatient.cancel()
    await asyncio.gather(impatient, return_exceptions=True)
    network.gate.set()

    assert await phone.knows(await manager.access_token())
    assert stored(phone) != before
    assert network.count(TOKEN) == 2  # the sign-in and one renewal


async def test_the_rotated_token_is_stored_before_anything_is_called_with_the_new_one(
    phone: Phone, network: Network
) -> None:
    await phone.sign_in()
    before = stored(phone)
    manager = phone.manager()
    used_with: list[str] = []
    network.before = lambda request: (
        used_with.append(stored(phone)) if request.url.path == "/userinfo" else None
    )

    await Api(phone.http, phone.settings.api, manager).get("/userinfo")

    assert used_with == [stored(phone)]
    assert used_with != [before]


@pytest.mark.parametrize("fault", [Fault.ERROR_500, Fault.TIMEOUT, Fault.LOST_BEFORE])
async def test_trouble_on_the_way_is_no_sign_out(
    phone: Phone, network: Network, fault: Fault
) -> None:
    await phone.sign_in()
    manager = phone.manager()
    network.fault = lambda request: fault if request.url.path == TOKEN else Fault.NONE
    for _ in range(3):
        with pytest.raises(Unreachable):
            await manager.access_token()
    assert "session" in phone.store.secrets

    network.fault = lambda _request: Fault.NONE
    assert await phone.knows(await manager.access_token())


async def test_invalid_grant_is_a_sign_out(phone: Phone) -> None:
    await phone.sign_in()
    manager = phone.manager()
    ended: list[bool] = []
    manager.on_ended = lambda: ended.append(True)
    await phone.issuer.revoke(stored(phone))

    with pytest.raises(SignedOut):
        await manager.access_token()

    assert ended == [True]
    assert "session" not in phone.store.secrets


async def test_two_windows_take_turns_with_one_refresh_token(phone: Phone) -> None:
    await phone.sign_in()
    first, second = phone.manager(), phone.manager()

    for window in (first, second, first, second):
        phone.clock.move(hours=2)
        assert await phone.knows(await window.access_token())


async def test_of_two_windows_the_later_one_uses_the_stored_tokens(phone: Phone) -> None:
    signed_in = await phone.sign_in()
    manager = phone.manager()
    tokens: list[str] = []

    async def refresh(refresh_token: str) -> Grant:
        tokens.append(refresh_token)
        if len(tokens) == 1:
            newer = StoredSession(phone.settings.issuer, "auth0|erin", "newer")
            phone.store.secrets["session"] = newer.to_text()
            raise GrantRefused("invalid_grant")
        return replace(signed_in.grant, refresh_token="newest")

    with patch.object(manager.issuer, "refresh", refresh):
        await manager.access_token()

    assert tokens[1:] == ["newer"]
    assert stored(phone) == "newest"


async def test_a_store_that_cannot_be_written_ends_nothing(phone: Phone) -> None:
    await phone.sign_in()
    manager = phone.manager()

    with patch.object(phone.store, "save", side_effect=TokenStoreError):
        assert await phone.knows(await manager.access_token())
        phone.clock.move(hours=2)
        with pytest.raises(Unreachable):
            await manager.access_token()

    assert await phone.knows(await manager.access_token())


async def test_a_session_of_somebody_else_is_not_used(phone: Phone) -> None:
    await phone.sign_in("erin")

    with pytest.raises(SignedOut):
        await phone.manager("auth0|maya").access_token()
    assert json.loads(phone.store.secrets["session"])["sub"] == "auth0|erin"


async def test_a_renewal_updates_the_scopes(phone: Phone) -> None:
    await phone.sign_in("erin")
    manager = phone.manager()
    renewals: list[Renewal] = []
    manager.on_renewed = renewals.append

    await manager.access_token()
    await phone.assign("erin", "Manager")
    phone.clock.move(hours=2)
    await manager.access_token()

    scopes = [renewal.scopes or frozenset() for renewal in renewals]
    assert ["approve:timesheets" in each for each in scopes] == [False, True]
    assert renewals[0].identity is not None
    assert renewals[0].identity.email == "erin@exampleco.com"


async def test_a_refused_token_is_replaced_and_the_call_made_again_once(
    phone: Phone, network: Network
) -> None:
    signed_in = await phone.sign_in()
    manager = phone.manager()
    manager.take(replace(signed_in.grant, access_token="worth-nothing"))
    network.seen.clear()

    answer = await Api(phone.http, phone.settings.api, manager).get("/userinfo")

    assert answer.body["sub"] == "auth0|erin"
    paths = [path for _, path in network.seen if ".well-known" not in path]
    assert paths == ["/userinfo", TOKEN, "/userinfo"]


def test_nothing_secret_is_in_what_is_printed() -> None:
    session = StoredSession("issuer", "auth0|erin", "a-refresh-token")

    assert "a-refresh-token" not in repr(session)
