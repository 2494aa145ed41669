"""Signing in, against a stand-in that speaks HTTP as the tenant does."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from mobile.core.network import Unreachable
from mobile.core.settings import PRIVATE_REDIRECT
from mobile.core.signin import CallbackMismatch, SignIn, SignInFailed, challenge_of
from tests.mobile.conftest import LOOPBACK, Phone
from tests.mobile.support import AppClock, Fault, Network


def test_the_challenge_is_that_of_rfc_7636() -> None:
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"

    assert challenge_of(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"  # appendix B


async def test_signing_in_returns_the_identity_and_the_scopes(phone: Phone) -> None:
    signed_in = await phone.sign_in("maya")

    assert signed_in.identity.sub == "auth0|maya"
    assert signed_in.identity.name == "Maya Manager"
    assert signed_in.identity.email == "maya@exampleco.com"
    assert signed_in.grant.scopes is not None
    assert "approve:timesheets" in signed_in.grant.scopes
    assert "manage:timesheets" not in signed_in.grant.scopes
    assert set(phone.store.secrets) == {"session"}


async def test_each_sign_in_has_a_state_nonce_and_verifier_of_its_own(phone: Phone) -> None:
    first, second = [
        parse_qs(urlsplit(await phone.signing_in.begin(LOOPBACK)).query) for _ in range(2)
    ]

    for name in ("state", "nonce", "code_challenge"):
        assert first[name] != second[name]
    assert first["code_challenge_method"] == ["S256"]
    assert "offline_access" in first["scope"][0].split()


async def test_a_sign_in_survives_the_app_being_killed(phone: Phone) -> None:
    callback = await phone.callback(redirect_uri=PRIVATE_REDIRECT)

    reborn = SignIn(phone.issuer, phone.settings, phone.store, phone.clock)

    assert (await reborn.complete(callback)).identity.sub == "auth0|erin"


async def test_an_answer_with_another_state_is_not_taken_and_harms_nothing(phone: Phone) -> None:
    callback = await phone.callback()
    forged = callback.replace("state=", "state=x")

    with pytest.raises(CallbackMismatch):
        await phone.signing_in.complete(forged)

    assert (await phone.signing_in.complete(callback)).identity.sub == "auth0|erin"


@pytest.mark.parametrize("change", ["/elsewhere", "&iss=https://evil.example/", "&state=twice"])
async def test_an_answer_from_elsewhere_is_not_taken(phone: Phone, change: str) -> None:
    callback = await phone.callback()
    forged = callback + change if change[0] == "&" else callback.replace("/callback", change)

    with pytest.raises(CallbackMismatch):
        await phone.signing_in.complete(forged)


async def test_an_answer_comes_too_late(phone: Phone) -> None:
    callback = await phone.callback()
    phone.clock.move(hours=2)

    with pytest.raises(SignInFailed, match="expired"):
        await phone.signing_in.complete(callback)
    assert phone.store.secrets == {}


async def test_a_code_is_good_once(phone: Phone) -> None:
    callback = await phone.callback()
    pending = phone.store.secrets["pending"]
    await phone.signing_in.complete(callback)
    phone.store.secrets["pending"] = pending

    with pytest.raises(SignInFailed, match="expired"):
        await phone.signing_in.complete(callback)


async def test_cancelling_in_the_browser_is_reported(phone: Phone) -> None:
    address = await phone.signing_in.begin(LOOPBACK)
    sent_back = (await phone.http.post(address, data={"cancel": "1"})).headers["Location"]

    with pytest.raises(SignInFailed, match="denied"):
        await phone.signing_in.complete(sent_back)


async def test_an_id_token_for_another_sign_in_is_refused(phone: Phone) -> None:
    callback = await phone.callback()
    pending = phone.store.secrets["pending"]
    phone.store.secrets["pending"] = pending.replace('"nonce": "', '"nonce": "x')

    with pytest.raises(SignInFailed, match="identity"):
        await phone.signing_in.complete(callback)
    assert phone.store.secrets == {}


@pytest.mark.parametrize(
    "error", [timedelta(minutes=-10), timedelta(days=-1), timedelta(days=1)], ids=str
)
async def test_a_wrong_clock_is_named_as_the_reason(phone: Phone, error: timedelta) -> None:
    clock = AppClock()
    clock.set_wall_clock(seconds=error.total_seconds())
    device = Phone(phone.http, phone.settings, phone.store, clock)

    with pytest.raises(SignInFailed, match="clock"):
        await device.sign_in()
    assert phone.store.secrets == {}


async def test_a_clock_a_few_minutes_off_is_no_reason_to_refuse(phone: Phone) -> None:
    clock = AppClock()
    clock.set_wall_clock(minutes=-4)

    signed_in = await Phone(phone.http, phone.settings, phone.store, clock).sign_in()

    assert signed_in.identity.sub == "auth0|erin"


async def test_a_code_is_not_spent_while_the_keys_are_out_of_reach(
    phone: Phone, network: Network
) -> None:
    callback = await phone.callback()
    network.fault = lambda request: (
        Fault.LOST_BEFORE if request.url.path.endswith("jwks.json") else Fault.NONE
    )
    with pytest.raises(Unreachable):
        await phone.signing_in.complete(callback)

    network.fault = lambda _request: Fault.NONE
    assert (await phone.signing_in.complete(callback)).identity.sub == "auth0|erin"


async def test_an_issuer_of_another_name_is_not_believed(phone: Phone) -> None:
    phone.issuer._settings = type(phone.settings)(
        issuer=phone.settings.issuer.replace("127.0.0.1", "localhost")
    )

    with pytest.raises(Unreachable):
        await phone.signing_in.begin(LOOPBACK)
