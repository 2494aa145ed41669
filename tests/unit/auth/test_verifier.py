import asyncio
from typing import Any

import pytest

from libs.auth import InvalidToken, JwksKeys, KeysUnavailable, Outcome, Scope, TokenVerifier
from libs.auth.claims import LEEWAY, MAX_LIFETIME
from libs.auth.jws import MAX_TOKEN, decode_base64url
from libs.auth.keys import FRESH, USABLE
from libs.auth.verifier import REMEMBERED_HEADERS
from tests.support.issuer import CLAIMS, Issuer, base64url, rsa_key, signed
from tests.unit.auth.conftest import Seconds


async def outcome_of(verifier: TokenVerifier, token: str) -> Outcome:
    try:
        await verifier.verify(token)
    except InvalidToken as refusal:
        return refusal.outcome
    return Outcome.VERIFIED


async def test_a_valid_token_gives_the_caller(verifier: TokenVerifier, issuer: Issuer) -> None:
    token = issuer.token(
        "auth0|erin",
        "openid read:timesheets approve:timesheets",
        email="erin@exampleco.com",
        name="Erin Ó Briain",
        azp="app",
    )
    principal = await verifier.verify(token)
    assert principal.subject == "auth0|erin"
    assert principal.scopes == {Scope.READ_TIMESHEETS, Scope.APPROVE_TIMESHEETS}
    assert principal.client_id == "app"
    assert not principal.is_machine
    assert (principal.email, principal.name) == ("erin@exampleco.com", "Erin Ó Briain")
    assert principal.expires_at == issuer.clock() + 3600


async def test_a_principal_does_not_print_what_is_private(
    verifier: TokenVerifier, issuer: Issuer
) -> None:
    principal = await verifier.verify(issuer.token(email="erin@exampleco.com", name="Erin"))
    assert "erin@exampleco.com" not in repr(principal)
    assert "'Erin'" not in repr(principal)


@pytest.mark.parametrize("kind", ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt"])
async def test_the_types_of_access_tokens_are_taken(
    verifier: TokenVerifier, issuer: Issuer, kind: str
) -> None:
    assert await outcome_of(verifier, issuer.token(headers={"typ": kind})) is Outcome.VERIFIED


@pytest.mark.parametrize(
    ("claims", "is_machine"),
    [
        pytest.param({"sub": "auth0|erin", "azp": "app"}, False, id="a person"),
        pytest.param({"sub": "auth0|erin", "azp": None}, False, id="a person, client unknown"),
        pytest.param({"sub": "job@clients", "azp": "job"}, True, id="sub with the suffix"),
        pytest.param({"sub": "job", "azp": "job"}, True, id="sub is the client"),
        pytest.param({"sub": "job", "azp": None, "client_id": "job"}, True, id="RFC 9068"),
        pytest.param(
            {"sub": "svc|17", "azp": "job", "gty": "client-credentials"}, True, id="by its grant"
        ),
        pytest.param({"sub": "eve@clients", "azp": "app"}, False, id="a suffix proves nothing"),
        pytest.param({"sub": "auth0|erin", "azp": "app", "gty": "password"}, False, id="others"),
        pytest.param(
            {"sub": "job@clients", "azp": "job", "client_id": "job"}, True, id="both names agree"
        ),
    ],
)
async def test_machines_are_distinguished_from_people(
    verifier: TokenVerifier, issuer: Issuer, claims: dict[str, Any], is_machine: bool
) -> None:
    principal = await verifier.verify(issuer.token(**claims))
    assert principal.is_machine is is_machine
    assert principal.client_id == (claims.get("client_id") or claims["azp"])


async def test_permissions_narrow_what_the_scope_grants(
    verifier: TokenVerifier, issuer: Issuer
) -> None:
    scope = "read:timesheets approve:timesheets"
    token = issuer.token(scope=scope, permissions=["read:timesheets", "manage:people"])
    assert (await verifier.verify(token)).scopes == {Scope.READ_TIMESHEETS}


async def test_a_token_without_scope_grants_nothing(
    verifier: TokenVerifier, issuer: Issuer
) -> None:
    assert (await verifier.verify(issuer.token(scope=None))).scopes == frozenset()


@pytest.mark.parametrize("value", [7, "", "x" * 300, "a\nb", "\ud800", ["a@b.c"], None])
async def test_an_odd_email_or_name_is_left_out(
    verifier: TokenVerifier, issuer: Issuer, value: object
) -> None:
    claims = issuer.payload() | {f"{CLAIMS}email": value, f"{CLAIMS}name": value}
    principal = await verifier.verify(issuer.sign(issuer.header(), claims))
    assert (principal.email, principal.name) == (None, None)


async def test_a_name_may_hold_invisible_joiners(verifier: TokenVerifier, issuer: Issuer) -> None:
    name = "نگین‌السادات"
    assert (await verifier.verify(issuer.token(name=name))).name == name


@pytest.mark.parametrize(
    ("claims", "outcome"),
    [
        pytest.param({"exp": -LEEWAY + 1}, Outcome.VERIFIED, id="expired within the leeway"),
        pytest.param({"exp": -LEEWAY}, Outcome.EXPIRED, id="expired"),
        pytest.param({"exp": -LEEWAY - 3600}, Outcome.EXPIRED, id="expired long ago"),
        pytest.param(
            {"iat": LEEWAY}, Outcome.VERIFIED, id="issued in the future, within the leeway"
        ),
        pytest.param({"iat": LEEWAY + 1}, Outcome.NOT_YET_VALID, id="issued in the future"),
        pytest.param({"nbf": LEEWAY}, Outcome.VERIFIED, id="not before, within the leeway"),
        pytest.param({"nbf": LEEWAY + 1}, Outcome.NOT_YET_VALID, id="not yet valid"),
        pytest.param({"nbf": -3600, "iat": LEEWAY + 1}, Outcome.NOT_YET_VALID, id="either of them"),
        pytest.param({"nbf": -3600}, Outcome.VERIFIED, id="valid for an hour"),
        pytest.param({"iat": 0, "exp": MAX_LIFETIME}, Outcome.VERIFIED, id="a lifetime of a day"),
        pytest.param(
            {"iat": 0, "exp": MAX_LIFETIME + 1}, Outcome.BAD_CLAIMS, id="a longer lifetime"
        ),
        pytest.param(
            {"iat": -MAX_LIFETIME, "exp": 1},
            Outcome.BAD_CLAIMS,
            id="a longer life, mostly past",
        ),
        pytest.param(
            {"iat": -0.5, "exp": 10.5, "nbf": -0.5}, Outcome.VERIFIED, id="fractions of seconds"
        ),
    ],
)
async def test_times_are_kept_to_the_second(
    verifier: TokenVerifier,
    issuer: Issuer,
    seconds: Seconds,
    claims: dict[str, float],
    outcome: Outcome,
) -> None:
    moments = {name: seconds.now + offset for name, offset in claims.items()}
    token = issuer.sign(issuer.header(), issuer.payload() | moments)
    assert await outcome_of(verifier, token) is outcome


async def test_a_token_of_more_than_8_kib_is_refused(
    verifier: TokenVerifier, issuer: Issuer
) -> None:
    short = MAX_TOKEN - len(issuer.token(padding=""))
    tokens = [issuer.token(padding="x" * (short * 3 // 4 + more)) for more in range(-3, 4)]
    for token in tokens:
        fits = len(token) <= MAX_TOKEN
        outcome = await outcome_of(verifier, token)
        assert outcome is (Outcome.VERIFIED if fits else Outcome.MALFORMED)
    assert min(map(len, tokens)) <= MAX_TOKEN < max(map(len, tokens))


@pytest.mark.parametrize("kid", ["", "k" * 257, "key-0\n", "\ud800", 7, ["key-0"]])
async def test_an_id_that_no_key_has_is_not_looked_for(
    verifier: TokenVerifier, issuer: Issuer, kid: object
) -> None:
    token = issuer.token(headers={"kid": kid})
    assert await outcome_of(verifier, token) is Outcome.MALFORMED
    assert issuer.fetches == 0


async def test_a_token_is_verified_once_and_then_remembered(
    verifier: TokenVerifier, issuer: Issuer, verified: list[Outcome]
) -> None:
    token = issuer.token()
    assert verifier.remembered(token) is None
    principal = await verifier.verify(token)
    assert verifier.remembered(token) is principal
    assert await verifier.verify(token) is principal
    assert verified == [Outcome.VERIFIED, Outcome.REMEMBERED, Outcome.REMEMBERED]


async def test_the_first_token_is_remembered_although_it_brought_the_keys(
    verifier: TokenVerifier, issuer: Issuer
) -> None:
    tokens = [issuer.token(f"auth0|{number}") for number in range(5)]
    await asyncio.gather(*(verifier.verify(token) for token in tokens))
    assert all(verifier.remembered(token) for token in tokens)


@pytest.mark.parametrize("fraction", [0.0, 0.25, 0.9])
async def test_a_token_is_remembered_just_as_long_as_it_would_be_verified(
    verifier: TokenVerifier, keys: JwksKeys, issuer: Issuer, seconds: Seconds, fraction: float
) -> None:
    token = issuer.token(exp=seconds.now + 100 + fraction)
    await verifier.verify(token)
    seconds.advance(100 + LEEWAY - 1)
    fresh = TokenVerifier(issuer.issuer, issuer.audience, keys, clock=seconds)
    assert verifier.remembered(token)
    assert await outcome_of(fresh, token) is Outcome.VERIFIED
    seconds.advance(1)
    assert verifier.remembered(token) is None
    assert await outcome_of(verifier, token) is Outcome.EXPIRED
    assert len(verifier._memory) == 0


async def test_a_revoked_key_ends_what_is_remembered(
    verifier: TokenVerifier, keys: JwksKeys, issuer: Issuer, seconds: Seconds
) -> None:
    token = issuer.token()
    await verifier.verify(token)
    issuer.rotate()
    issuer.revoke_former()
    seconds.advance(FRESH)
    assert verifier.remembered(token), "the fetch goes on behind the scenes"
    await keys.refresh()
    assert verifier.remembered(token) is None
    assert await outcome_of(verifier, token) is Outcome.UNKNOWN_KEY
    assert not verifier._key_ids


async def test_remembered_tokens_alone_keep_the_keys_fresh(
    verifier: TokenVerifier, issuer: Issuer, seconds: Seconds
) -> None:
    token = issuer.token()
    await verifier.verify(token)
    seconds.advance(FRESH)
    verifier.remembered(token)
    await issuer.keys_fetched(times=2)


async def test_nothing_is_remembered_beyond_the_life_of_the_keys(
    verifier: TokenVerifier, keys: JwksKeys, issuer: Issuer, seconds: Seconds
) -> None:
    await keys.refresh()
    issuer.down = True
    seconds.advance(USABLE - 60)
    token = issuer.token()
    await verifier.verify(token)
    await keys.refresh()
    seconds.advance(60)
    assert verifier.remembered(token) is None
    with pytest.raises(KeysUnavailable):
        await verifier.verify(token)


async def test_only_the_tokens_used_last_are_remembered(
    issuer: Issuer, keys: JwksKeys, seconds: Seconds
) -> None:
    verifier = TokenVerifier(issuer.issuer, issuer.audience, keys, clock=seconds, remember=2)
    first, second, third = (issuer.token(f"auth0|{number}") for number in range(3))
    await verifier.verify(first)
    await verifier.verify(second)
    assert verifier.remembered(first)
    await verifier.verify(third)
    assert verifier.remembered(first)
    assert verifier.remembered(third)
    assert verifier.remembered(second) is None


async def test_bad_tokens_do_not_push_good_ones_out(
    issuer: Issuer, keys: JwksKeys, seconds: Seconds
) -> None:
    verifier = TokenVerifier(issuer.issuer, issuer.audience, keys, clock=seconds, remember=1)
    good = issuer.token()
    await verifier.verify(good)
    for number in range(20):
        forged = issuer.sign(issuer.header(), issuer.payload(f"eve{number}"), rsa_key(7))
        await outcome_of(verifier, forged)
        await outcome_of(verifier, issuer.token(aud="other", jti=number))
    assert verifier.remembered(good)
    assert len(verifier._memory) == 1


async def test_headers_made_up_by_others_are_not_remembered(
    verifier: TokenVerifier, issuer: Issuer
) -> None:
    for number in range(10):
        forged = issuer.sign(issuer.header(extra=number), issuer.payload(), rsa_key(7))
        await outcome_of(verifier, forged)
    assert not verifier._key_ids
    for number in range(REMEMBERED_HEADERS + 5):
        await verifier.verify(issuer.token(headers={"extra": number}))
    assert len(verifier._key_ids) == REMEMBERED_HEADERS


async def test_a_changed_letter_makes_another_token(
    verifier: TokenVerifier, issuer: Issuer
) -> None:
    token = issuer.token()
    await verifier.verify(token)
    for position in range(0, len(token), 13):
        letter = "A" if token[position] != "A" else "B"
        changed = token[:position] + letter + token[position + 1 :]
        assert verifier.remembered(changed) is None
        with pytest.raises(InvalidToken):
            await verifier.verify(changed)


async def test_a_signature_has_one_form_only(verifier: TokenVerifier, issuer: Issuer) -> None:
    """Modulo n the signature s and s + n are the same number; so is s with a zero before it."""
    token = issuer.token()
    head, _, tail = token.rpartition(".")
    signature = int.from_bytes(decode_base64url(tail.encode()), "big")
    modulus = issuer.key.public_key().public_numbers().n
    forms = [
        (signature + modulus).to_bytes(257, "big"),
        signature.to_bytes(257, "big"),
        signature.to_bytes(256, "big")[1:],
    ]
    for form in forms:
        assert await outcome_of(verifier, f"{head}.{base64url(form)}") is Outcome.BAD_SIGNATURE


async def test_a_token_for_another_verifier_is_refused(
    issuer: Issuer, keys: JwksKeys, seconds: Seconds
) -> None:
    others = TokenVerifier(issuer.issuer, "https://other.example", keys, clock=seconds)
    assert await outcome_of(others, issuer.token()) is Outcome.BAD_CLAIMS
    bare = TokenVerifier(issuer.issuer.removesuffix("/"), issuer.audience, keys, clock=seconds)
    assert await outcome_of(bare, issuer.token()) is Outcome.BAD_CLAIMS


async def test_every_verification_is_counted_by_how_it_ended(
    verifier: TokenVerifier, issuer: Issuer, seconds: Seconds, verified: list[Outcome]
) -> None:
    tokens = [
        issuer.token(),
        "rubbish",
        issuer.token(headers={"kid": "unknown"}),
        issuer.sign(issuer.header(), issuer.payload(), rsa_key(7)),
        issuer.token(aud="other"),
        issuer.token(nbf=seconds.now + 3600),
        issuer.token(exp=seconds.now - 3600),
        signed(b'{"alg":"RS256","typ":"JWT","kid":"key-0"}', b"[]", issuer.key),
    ]
    assert [await outcome_of(verifier, token) for token in tokens] == verified
    assert verified == [
        Outcome.VERIFIED,
        Outcome.MALFORMED,
        Outcome.UNKNOWN_KEY,
        Outcome.BAD_SIGNATURE,
        Outcome.BAD_CLAIMS,
        Outcome.NOT_YET_VALID,
        Outcome.EXPIRED,
        Outcome.BAD_CLAIMS,
    ]


async def test_a_verification_without_keys_is_counted(
    verifier: TokenVerifier, issuer: Issuer, verified: list[Outcome]
) -> None:
    issuer.down = True
    with pytest.raises(KeysUnavailable):
        await verifier.verify(issuer.token())
    assert verified == [Outcome.NO_KEYS]


async def test_a_refusal_never_quotes_the_token(verifier: TokenVerifier, issuer: Issuer) -> None:
    for token in (
        issuer.token(sub="secret\n"),
        issuer.token(headers={"typ": "secret"}),
        issuer.token(iss="secret"),
        signed(issuer.token().encode(), b"secret", issuer.key),
    ):
        with pytest.raises(InvalidToken) as refusal:
            await verifier.verify(token)
        assert "secret" not in str(refusal.value)
