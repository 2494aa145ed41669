"""/oauth/token and /oauth/revoke over HTTP, right and wrong."""

import asyncio
from typing import Any

import aiohttp
import pytest

from dev.sample_data import ADMINISTERING, AUDIENCE, MANAGING, OWN_TIME, PERMISSIONS, SCOPES, Role
from tests.unit.dev.client import VERIFIER, Answer, Client, unverified
from tests.unit.dev.conftest import Clock, StandIn

DAY = 24 * 3600


def refused(answer: Answer, error: str, status: int = 400) -> bool:
    assert answer.headers["Cache-Control"] == "no-store"
    assert set(answer.body) <= {"error", "error_description"}
    return bool(answer.status == status and answer.body["error"] == error)


def basic(login: str, password: str) -> dict[str, str]:
    return {"Authorization": aiohttp.encode_basic_auth(login, password)}


def api_scopes(body: dict[str, Any]) -> set[str]:
    return set(body["scope"].split()) & SCOPES


async def test_a_code_with_its_verifier_becomes_tokens(client: Client) -> None:
    answer = await client.exchange(await client.code())

    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert set(answer.body) == {
        *("access_token", "id_token", "refresh_token"),
        *("token_type", "expires_in", "scope"),
    }
    assert answer.body["token_type"] == "Bearer"


async def test_json_is_taken_as_auth0_takes_it(client: Client) -> None:
    answer = await client.post(
        "oauth/token",
        json={
            "grant_type": "authorization_code",
            "client_id": "timesheets-app",
            "code": await client.code(),
            "code_verifier": VERIFIER,
            "redirect_uri": "http://127.0.0.1:53127/callback",
        },
    )

    assert answer.status == 200


@pytest.mark.parametrize(
    "changed",
    [
        {"code_verifier": VERIFIER + "x"},
        {"code_verifier": None},
        {"code_verifier": ""},
        {"redirect_uri": "http://127.0.0.1:53128/callback"},
        {"redirect_uri": None},
    ],
)
async def test_a_code_is_worth_nothing_without_verifier_and_address(
    client: Client, changed: dict[str, str | None]
) -> None:
    code = await client.code()

    assert refused(await client.exchange(code, **changed), "invalid_grant")
    # A wrong guess has used it up.
    assert refused(await client.exchange(code), "invalid_grant")


async def test_a_code_lives_for_sixty_seconds(client: Client, clock: Clock) -> None:
    in_time, late = await client.code(), await client.code()
    clock.advance(59)
    assert (await client.exchange(in_time)).status == 200
    clock.advance(1)
    assert refused(await client.exchange(late), "invalid_grant")


async def test_a_code_used_twice_takes_back_what_it_gave(client: Client) -> None:
    code = await client.code()
    held = (await client.exchange(code)).body

    assert refused(await client.exchange(code), "invalid_grant")
    assert refused(await client.refresh(held["refresh_token"]), "invalid_grant")


async def test_a_code_is_not_taken_from_another_client(client: Client, stand_in: StandIn) -> None:
    secret = stand_in.secret("partner-payroll")
    answer = await client.exchange(
        await client.code(), client_id="partner-payroll", client_secret=secret
    )

    assert refused(answer, "invalid_grant")


async def test_no_refresh_token_without_offline_access(client: Client) -> None:
    held = await client.tokens(scope="openid read:timesheets")

    assert "refresh_token" not in held
    assert held["scope"] == "openid read:timesheets"


async def test_refreshing_rotates(client: Client) -> None:
    held = await client.tokens()
    second = (await client.refresh(held["refresh_token"])).body
    third = (await client.refresh(second["refresh_token"])).body

    assert len({held["refresh_token"], second["refresh_token"], third["refresh_token"]}) == 3
    assert unverified(third["access_token"])["sub"] == "auth0|erin"


async def test_a_used_refresh_token_kills_the_whole_family(client: Client) -> None:
    held = await client.tokens()
    second = (await client.refresh(held["refresh_token"])).body

    assert refused(await client.refresh(held["refresh_token"]), "invalid_grant")
    assert refused(await client.refresh(second["refresh_token"]), "invalid_grant")


async def test_two_refreshes_at_once_are_a_reuse(client: Client) -> None:
    held = await client.tokens()

    answers = await asyncio.gather(*(client.refresh(held["refresh_token"]) for _ in range(2)))

    assert sorted(answer.status for answer in answers) == [200, 400]
    winner = next(answer for answer in answers if answer.status == 200)
    assert refused(await client.refresh(winner.body["refresh_token"]), "invalid_grant")


async def test_another_sign_in_of_the_same_person_is_another_family(client: Client) -> None:
    phone, desk = await client.tokens(), await client.tokens()
    await client.refresh(phone["refresh_token"])
    await client.refresh(phone["refresh_token"])

    assert (await client.refresh(desk["refresh_token"])).status == 200


@pytest.mark.parametrize("token", ["", "unknown", "unknown.token", "."])
async def test_an_unknown_refresh_token_is_refused(client: Client, token: str) -> None:
    assert refused(await client.refresh(token), "invalid_grant")


async def test_a_refresh_token_is_not_taken_from_another_client(
    client: Client, stand_in: StandIn
) -> None:
    held = await client.tokens()
    stolen = await client.refresh(
        held["refresh_token"],
        client_id="partner-payroll",
        client_secret=stand_in.secret("partner-payroll"),
    )

    assert refused(stolen, "invalid_grant")
    assert (await client.refresh(held["refresh_token"])).status == 200


async def test_a_refresh_token_ends_when_idle_or_old(client: Client, clock: Clock) -> None:
    idle, used = await client.tokens(), await client.tokens()
    clock.advance(14 * DAY)
    used = (await client.refresh(used["refresh_token"])).body
    clock.advance(DAY)
    assert refused(await client.refresh(idle["refresh_token"]), "invalid_grant")
    used = (await client.refresh(used["refresh_token"])).body
    clock.advance(14 * DAY)
    used = (await client.refresh(used["refresh_token"])).body
    clock.advance(DAY)
    assert refused(await client.refresh(used["refresh_token"]), "invalid_grant")


async def test_refreshing_can_ask_for_less_but_not_for_more(client: Client) -> None:
    held = await client.tokens(scope="offline_access read:timesheets create:timesheets")

    less = (await client.refresh(held["refresh_token"], scope="read:timesheets")).body
    assert less["scope"] == "read:timesheets"
    more = await client.refresh(less["refresh_token"], scope="read:timesheets delete:timesheets")
    assert refused(more, "invalid_scope")
    whole = (await client.refresh(less["refresh_token"])).body
    assert api_scopes(whole) == {"read:timesheets", "create:timesheets"}


@pytest.mark.parametrize(
    ("person", "scopes"),
    [("erin", OWN_TIME), ("carl", OWN_TIME), ("maya", MANAGING), ("ada", ADMINISTERING)],
)
async def test_granted_scopes_are_requested_and_assigned(
    client: Client, person: str, scopes: frozenset[str]
) -> None:
    held = await client.tokens(person)
    claims = unverified(held["access_token"])

    assert api_scopes(held) == scopes
    assert claims["scope"] == held["scope"]
    assert set(claims["permissions"]) == scopes

    granted = await client.tokens(person, scope="read:timesheets batch:upload made:up")
    assert granted["scope"] == "read:timesheets"


def test_an_administrator_may_do_all_but_upload() -> None:
    assert PERMISSIONS[Role.ADMINISTRATOR] == SCOPES - {"batch:upload"}


async def test_a_role_that_changes_shows_at_the_next_refresh(client: Client) -> None:
    held = await client.tokens("erin")
    await client.put("stand-in/people/erin/roles", json=["Employee", "Manager"])
    promoted = (await client.refresh(held["refresh_token"])).body
    await client.put("stand-in/people/erin/roles", json=[])
    gone = (await client.refresh(promoted["refresh_token"])).body

    assert api_scopes(promoted) == MANAGING
    assert api_scopes(gone) == set()
    assert (await client.put("stand-in/people/erin/roles", json=["King"])).status == 400
    assert (await client.put("stand-in/people/nobody/roles", json=[])).status == 404


async def test_a_machine_gets_a_token_by_its_secret(client: Client, stand_in: StandIn) -> None:
    answer = await client.machine("partner-payroll", stand_in.secret("partner-payroll"))
    claims = unverified(answer.body["access_token"])

    assert set(answer.body) == {"access_token", "token_type", "expires_in", "scope"}
    assert claims == {
        "iss": stand_in.address,
        "sub": "partner-payroll@clients",
        "aud": AUDIENCE,
        "azp": "partner-payroll",
        "gty": "client-credentials",
        "iat": claims["iat"],
        "exp": claims["iat"] + answer.body["expires_in"],
        "scope": "read:events read:reports",
        "permissions": ["read:events", "read:reports"],
    }


async def test_a_machine_may_authenticate_by_http_basic(client: Client, stand_in: StandIn) -> None:
    form = {"grant_type": "client_credentials", "audience": AUDIENCE}
    right = basic("batch-nightly", stand_in.secret("batch-nightly"))

    answer = await client.post("oauth/token", form, headers=right)
    assert answer.body["scope"] == "batch:upload"
    twice = await client.post("oauth/token", form | {"client_secret": "x"}, headers=right)
    assert refused(twice, "invalid_request")
    for wrong in (
        basic("batch-nightly", "guess"),
        {"Authorization": "Basic §"},
        {"Authorization": "x"},
    ):
        refusal = await client.post("oauth/token", form, headers=wrong)
        assert refused(refusal, "invalid_client", 401)
        assert refusal.headers["WWW-Authenticate"].startswith("Basic")


async def test_a_machine_gets_scopes_that_are_requested_and_assigned(
    client: Client, stand_in: StandIn
) -> None:
    secret = stand_in.secret("partner-payroll")
    answer = await client.machine("partner-payroll", secret, scope="read:reports manage:people")

    assert answer.body["scope"] == "read:reports"


async def test_a_machine_needs_its_secret_and_the_audience(
    client: Client, stand_in: StandIn
) -> None:
    secret = stand_in.secret("batch-nightly")

    assert refused(await client.machine("batch-nightly", "guess"), "invalid_client", 401)
    assert refused(await client.machine("nobody", secret), "invalid_client", 401)
    assert refused(
        await client.machine("batch-nightly", secret, audience="x"), "access_denied", 403
    )
    assert refused(
        await client.machine("batch-nightly", secret, audience=None), "access_denied", 403
    )


@pytest.mark.parametrize(
    ("form", "error", "status"),
    [
        ({}, "invalid_request", 400),
        ({"grant_type": "password"}, "unsupported_grant_type", 400),
        ({"grant_type": "client_credentials"}, "unauthorized_client", 400),
        ({"grant_type": "authorization_code"}, "invalid_grant", 400),
        ({"grant_type": "refresh_token"}, "invalid_grant", 400),
        ({"grant_type": "refresh_token", "client_id": None}, "invalid_client", 401),
        ({"grant_type": "refresh_token", "client_secret": "x"}, "invalid_client", 401),
    ],
)
async def test_other_requests_are_refused_by_the_book(
    client: Client, form: dict[str, str | None], error: str, status: int
) -> None:
    assert refused(await client.token(**form), error, status)


@pytest.mark.parametrize("body", [b"not json", b"[]", b'{"grant_type": 1}'])
async def test_a_body_that_cannot_be_read_is_refused(client: Client, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await client.post("oauth/token", body, headers=headers)

    assert refused(answer, "invalid_request")


async def test_a_parameter_given_twice_is_refused(client: Client) -> None:
    answer = await client.post("oauth/token", [("grant_type", "x"), ("grant_type", "y")])

    assert refused(answer, "invalid_request")


async def test_revoking_a_refresh_token_ends_the_sign_in(client: Client) -> None:
    held = await client.tokens()
    second = (await client.refresh(held["refresh_token"])).body

    form = {"client_id": "timesheets-app", "token": second["refresh_token"]}
    assert (await client.post("oauth/revoke", form)).status == 200
    assert refused(await client.refresh(second["refresh_token"]), "invalid_grant")
    # Once more, or an unknown one: no error (RFC 7009 section 2.2).
    assert (await client.post("oauth/revoke", form)).status == 200


async def test_nobody_revokes_another_clients_token(client: Client, stand_in: StandIn) -> None:
    held = await client.tokens()
    form = {
        "client_id": "partner-payroll",
        "client_secret": stand_in.secret("partner-payroll"),
        "token": held["refresh_token"],
    }

    assert refused(await client.post("oauth/revoke", form), "invalid_grant")
    assert refused(
        await client.post("oauth/revoke", {"client_id": "nobody", "token": "x"}),
        "invalid_client",
        401,
    )
    assert (await client.refresh(held["refresh_token"])).status == 200


async def test_sign_ins_keys_and_roles_survive_a_restart(client: Client, stand_in: StandIn) -> None:
    await client.put("stand-in/people/erin/roles", json=["Manager"])
    held = await client.tokens("erin")
    held = (await client.refresh(held["refresh_token"])).body
    keys = (await client.get(".well-known/jwks.json")).body

    await stand_in.stop()
    await stand_in.start()

    assert (await client.get(".well-known/jwks.json")).body == keys
    assert api_scopes((await client.refresh(held["refresh_token"])).body) == MANAGING
    assert "code" in (await client.look(prompt="none")).sent_back


async def test_what_it_keeps_is_for_its_owner_alone(client: Client, stand_in: StandIn) -> None:
    held = await client.tokens()

    for file in stand_in.directory.iterdir():
        assert file.stat().st_mode & 0o777 == 0o600
        assert held["refresh_token"].split(".")[1] not in file.read_text()
