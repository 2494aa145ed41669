import math

import pytest

from libs.auth import InvalidToken, Outcome
from libs.auth.claims import ClaimsPolicy

POLICY = ClaimsPolicy("https://tenant.example/", "https://api.example")
GOOD = {
    "iss": "https://tenant.example/",
    "aud": "https://api.example",
    "sub": "auth0|erin",
    "iat": 1000,
    "exp": 2000,
}


def test_the_smallest_good_claims_are_taken() -> None:
    principal = POLICY.principal(GOOD, now=1500)
    assert principal.subject == "auth0|erin"
    assert principal.client_id is None
    assert principal.scopes == frozenset()


@pytest.mark.parametrize("claim", ["exp", "iat", "nbf"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 10**400, -(10**400)])
def test_a_number_that_is_no_moment_is_refused(claim: str, value: float) -> None:
    with pytest.raises(InvalidToken) as refusal:
        POLICY.principal(GOOD | {claim: value}, now=1500)
    assert refusal.value.outcome is Outcome.BAD_CLAIMS
