import pytest

from libs.auth import (
    InvalidToken,
    JwksKeys,
    Outcome,
    RejectionLimit,
    TokenVerifier,
    TooManyRejections,
)
from tests.support.issuer import Issuer, rsa_key
from tests.unit.auth.conftest import Seconds


async def test_too_many_rejections_leave_remembered_tokens_alone_and_pass_in_a_second(
    issuer: Issuer, keys: JwksKeys, seconds: Seconds, verified: list[Outcome]
) -> None:
    limit = RejectionLimit(2, clock=seconds)
    verifier = TokenVerifier(
        issuer.issuer,
        issuer.audience,
        keys,
        clock=seconds,
        on_verified=verified.append,
        rejections=limit,
    )
    known, new = issuer.token("auth0|known"), issuer.token("auth0|new")
    await verifier.verify(known)
    for number in range(4):
        forged = issuer.sign(issuer.header(), issuer.payload(f"eve{number}"), rsa_key(7))
        with pytest.raises(InvalidToken):
            await verifier.verify(forged)

    assert (await verifier.verify(known)).subject == "auth0|known"
    with pytest.raises(TooManyRejections):
        await verifier.verify(new)
    assert verified[-1] is Outcome.LIMITED
    seconds.now += 0.5
    assert (await verifier.verify(new)).subject == "auth0|new"
