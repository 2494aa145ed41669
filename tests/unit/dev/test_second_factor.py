"""The stand-in asks for a second factor as the tenant's action does."""

import pytest

from tests.unit.dev.client import Client, unverified
from tests.unit.dev.conftest import Clock

MFA_AT = "https://api.exampleco.com/mfa_at"
ACR = "http://schemas.openid.net/pape/policies/2007/06/multi-factor"
PERSONAL = "openid read:timesheets create:timesheets delete:timesheets offline_access"


@pytest.mark.parametrize(
    ("person", "scope", "prompted"),
    [
        ("erin", "openid", False),
        ("erin", PERSONAL, False),
        ("erin", "approve:timesheets manage:timesheets", False),
        ("maya", PERSONAL, False),
        ("maya", "openid", True),
        ("maya", "", True),
        ("maya", "approve:timesheets", True),
        ("ada", "manage:timesheets manage:people read:reports", True),
    ],
)
async def test_the_second_factor_follows_what_the_token_could_do(
    client: Client, person: str, scope: str, prompted: bool
) -> None:
    answer = await client.choose({"person": person}, scope=scope)

    assert (answer.status == 200) == prompted
    assert ("Location" in answer.headers) != prompted


async def test_the_token_says_when_the_second_factor_was_used(client: Client, clock: Clock) -> None:
    used_at = int(clock())
    held = await client.tokens("maya", scope="openid offline_access approve:timesheets")
    clock.advance(3000)
    renewed = (await client.refresh(held["refresh_token"])).body

    assert unverified(held["access_token"])[MFA_AT] == used_at
    assert unverified(renewed["access_token"])[MFA_AT] == used_at


async def test_without_a_second_factor_the_token_has_no_such_claim(client: Client) -> None:
    held = await client.tokens("erin")

    assert MFA_AT not in unverified(held["access_token"])


async def test_step_up_asks_a_signed_in_person_for_the_second_factor_only(
    client: Client, clock: Clock
) -> None:
    await client.sign_in("maya")
    clock.advance(700)

    signed_in = await client.look()
    too_old = await client.look(acr_values=ACR, max_age="600")
    recent_enough = await client.look(acr_values=ACR, max_age="800")

    assert signed_in.status == recent_enough.status == 302
    assert too_old.status == 200
    assert b'name="person" value="maya"' in too_old.body or b"Sign in" in too_old.body


async def test_step_up_without_a_page_is_refused(client: Client) -> None:
    await client.sign_in("erin", scope=PERSONAL)

    answer = await client.look(acr_values=ACR, prompt="none", scope=PERSONAL)

    assert answer.sent_back["error"] == "interaction_required"
