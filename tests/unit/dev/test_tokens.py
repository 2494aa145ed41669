"""The contents of the tokens, and the keys they are verified with."""

import struct

import aiohttp
import jwt
import pytest

from dev.issuer.pages import picture
from dev.sample_data import AUDIENCE, PEOPLE
from tests.unit.dev.client import Client, unverified
from tests.unit.dev.conftest import Clock, StandIn


async def verified(client: Client, token: str, audience: str) -> dict[str, object]:
    """The claims as a relying party sees them that knows nothing but the discovery document."""
    document = (await client.get(".well-known/openid-configuration")).body
    async with client.session.get(document["jwks_uri"]) as response:
        keys = jwt.PyJWKSet.from_dict(await response.json())
    header = jwt.get_unverified_header(token)
    claims: dict[str, object] = jwt.decode(
        token,
        keys[header["kid"]],
        algorithms=["RS256"],
        audience=audience,
        issuer=document["issuer"],
        options={"verify_exp": False, "verify_iat": False},
    )
    return claims


async def test_an_access_token_looks_like_the_tenants(client: Client, stand_in: StandIn) -> None:
    held = await client.tokens("erin")
    claims = await verified(client, held["access_token"], AUDIENCE)

    assert jwt.get_unverified_header(held["access_token"])["typ"] == "JWT"
    assert claims == {
        "iss": stand_in.address,
        "sub": "auth0|erin",
        "aud": [AUDIENCE, f"{stand_in.address}userinfo"],
        "azp": "timesheets-app",
        "iat": int(stand_in.clock()),
        "exp": int(stand_in.clock()) + held["expires_in"],
        "scope": held["scope"],
        "permissions": ["create:timesheets", "delete:timesheets", "read:timesheets"],
        "https://api.exampleco.com/email": "erin@exampleco.com",
        "https://api.exampleco.com/name": "Erin Employee",
    }


async def test_without_openid_there_is_one_audience_and_no_id_token(client: Client) -> None:
    held = await client.tokens(scope="read:timesheets")

    assert "id_token" not in held
    assert unverified(held["access_token"])["aud"] == AUDIENCE


async def test_an_id_token_names_the_person_and_the_time_of_sign_in(
    client: Client, stand_in: StandIn, clock: Clock
) -> None:
    code = await client.code("carl", nonce="this-once")
    signed_in = int(clock())
    clock.advance(30)
    held = (await client.exchange(code)).body

    assert await verified(client, held["id_token"], "timesheets-app") == {
        "iss": stand_in.address,
        "sub": "auth0|carl",
        "aud": "timesheets-app",
        "iat": signed_in + 30,
        "exp": signed_in + 30 + 36_000,
        "auth_time": signed_in,
        "nonce": "this-once",
        "name": "Carl Contractor",
        "given_name": "Carl",
        "family_name": "Contractor",
        "nickname": "carl",
        "picture": f"{stand_in.address}pictures/carl.png",
        "updated_at": "2026-11-02T08:00:00.000Z",
        "email": "carl@contractors.example",
        "email_verified": True,
    }


async def test_an_id_token_has_only_the_requested_claims(client: Client) -> None:
    claims = unverified((await client.tokens(scope="openid", nonce=None))["id_token"])

    assert set(claims) == {"iss", "sub", "aud", "iat", "exp", "auth_time"}


async def test_a_refreshed_id_token_keeps_the_time_of_the_sign_in(
    client: Client, clock: Clock
) -> None:
    held = await client.tokens()
    clock.advance(3600)
    renewed = unverified((await client.refresh(held["refresh_token"])).body["id_token"])

    assert renewed["auth_time"] == unverified(held["id_token"])["auth_time"]
    assert renewed["iat"] == int(clock())
    assert "nonce" not in renewed


async def test_the_picture_is_a_png_of_ones_own(client: Client) -> None:
    claims = unverified((await client.tokens())["id_token"])
    async with client.session.get(claims["picture"]) as response:
        image = await response.read()
        assert response.content_type == "image/png"

    assert image.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", image[16:24]) == (120, 120)
    assert len({picture(person) for person in PEOPLE}) == len(PEOPLE)


async def test_userinfo_returns_the_claims_of_the_scopes(client: Client) -> None:
    held = await client.tokens(scope="openid email")
    answer = await client.get(
        "userinfo", headers={"Authorization": f"Bearer {held['access_token']}"}
    )

    assert answer.body == {
        "sub": "auth0|erin",
        "email": "erin@exampleco.com",
        "email_verified": True,
    }


async def test_userinfo_wants_a_token_for_itself(client: Client, clock: Clock) -> None:
    without_openid = (await client.tokens(scope="read:timesheets"))["access_token"]
    good = (await client.tokens())["access_token"]

    for token in (without_openid, good[:-8] + "AAAAAAAA", "nonsense"):
        answer = await client.get("userinfo", headers={"Authorization": f"Bearer {token}"})
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    clock.advance(3600)
    late = await client.get("userinfo", headers={"Authorization": f"Bearer {good}"})
    assert late.status == 401
    assert (await client.get("userinfo")).headers["WWW-Authenticate"] == "Bearer"


async def test_discovery_names_what_is_there(client: Client, stand_in: StandIn) -> None:
    document = (await client.get(".well-known/openid-configuration")).body

    assert document["issuer"] == stand_in.address
    assert stand_in.address.endswith("/")
    assert document["code_challenge_methods_supported"] == ["S256"]
    for name, address in document.items():
        if name.endswith(("_endpoint", "_uri")):
            async with client.session.get(address, allow_redirects=False) as response:
                assert response.status in (200, 400, 401, 405), name


async def test_keys_rotate_on_request_and_old_tokens_stay_good(client: Client) -> None:
    old = (await client.tokens())["access_token"]
    before = (await client.get(".well-known/jwks.json")).body["keys"]
    rotated = (await client.post("stand-in/rotate-keys")).body
    new = (await client.tokens())["access_token"]
    after = (await client.get(".well-known/jwks.json")).body["keys"]

    assert jwt.get_unverified_header(new)["kid"] == rotated["kid"] == before[1]["kid"]
    assert jwt.get_unverified_header(old)["kid"] == before[0]["kid"]
    assert [key["kid"] for key in after][0::2] == [before[1]["kid"], before[0]["kid"]]
    for token in (old, new):
        assert (await verified(client, token, AUDIENCE))["sub"] == "auth0|erin"

    await client.post("stand-in/rotate-keys")
    with pytest.raises(KeyError):
        await verified(client, old, AUDIENCE)


async def test_the_key_set_holds_public_halves_alone(client: Client) -> None:
    answer = await client.get(".well-known/jwks.json")

    assert answer.headers["Cache-Control"].startswith("public")
    for key in answer.body["keys"]:
        assert set(key) == {"kty", "use", "alg", "kid", "n", "e"}


async def test_the_front_page_lists_the_people(client: Client) -> None:
    page = (await client.get("")).body.decode()

    assert all(person.email in page for person in PEOPLE)


async def test_an_unknown_address_is_not_found(stand_in: StandIn) -> None:
    async with aiohttp.ClientSession() as session:
        for path in ("nowhere", "pictures/nobody.png"):
            async with session.get(stand_in.address + path) as response:
                assert response.status == 404
