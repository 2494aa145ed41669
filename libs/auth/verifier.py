"""From a token to who is calling."""

import time
from collections.abc import Callable

from jwt.algorithms import RSAAlgorithm

from libs.auth.claims import ClaimsPolicy
from libs.auth.errors import InvalidToken, KeysUnavailable, Outcome, TooManyRejections
from libs.auth.jws import parse_token, read_claims, read_key_id
from libs.auth.keys import JwksKeys
from libs.auth.principal import Principal
from libs.auth.rejection_limit import RejectionLimit
from libs.auth.token_cache import TokenCache, digest_of

REMEMBERED_TOKENS = 10_000
REMEMBERED_HEADERS = 64

# RS256 whatever the token says (RFC 8725 3.1). PyJWT's decode() would parse what is parsed already,
# more leniently and in three times the time of the arithmetic.
_rs256 = RSAAlgorithm(RSAAlgorithm.SHA256)


class TokenVerifier:
    """Verifies access tokens of one issuer for one audience.

    Both are compared to the letter. `clock` gives seconds since 1970. While `rejections` is
    exceeded only remembered tokens are accepted, so that made-up ones cost no arithmetic.
    """

    def __init__(
        self,
        issuer: str,
        audience: str,
        keys: JwksKeys,
        *,
        clock: Callable[[], float] = time.time,
        on_verified: Callable[[Outcome], object] = lambda _outcome: None,
        remember: int = REMEMBERED_TOKENS,
        rejections: RejectionLimit | None = None,
    ) -> None:
        self._policy = ClaimsPolicy(issuer, audience)
        self._keys = keys
        self._clock = clock
        self._on_verified = on_verified
        self._memory = TokenCache(remember)
        self._rejections = rejections
        # All tokens signed with a key share its header, bit by bit: it is read once.
        self._key_ids: dict[bytes, str] = {}
        self._generation = keys.generation

    def remembered(self, token: str) -> Principal | None:
        """The principal of a token that was verified before and still holds. Takes microseconds."""
        return self._recall(digest_of(token))

    async def verify(self, token: str) -> Principal:
        """Verify a token. Waits only if keys must be fetched first.

        Raises `InvalidToken`, `TooManyRejections`, or `KeysUnavailable` while there are no keys at
        all.
        """
        digest = digest_of(token)
        principal = self._recall(digest)
        if principal is not None:
            return principal
        if self._rejections is not None and self._rejections.is_exceeded:
            self._on_verified(Outcome.LIMITED)
            raise TooManyRejections
        try:
            principal = await self._verify(token)
        except InvalidToken as error:
            if self._rejections is not None:
                self._rejections.count()
            self._on_verified(error.outcome)
            raise
        except KeysUnavailable:
            self._on_verified(Outcome.NO_KEYS)
            raise
        self._memory.keep(digest, principal)
        self._on_verified(Outcome.VERIFIED)
        return principal

    def _recall(self, digest: bytes) -> Principal | None:
        self._keys.tend()
        self._follow_keys()
        principal = self._memory.recall(digest, self._clock())
        if principal is not None:
            self._on_verified(Outcome.REMEMBERED)
        return principal

    async def _verify(self, token: str) -> Principal:
        header, payload, signature, signing_input = parse_token(token)
        kid = self._key_ids.get(header) or read_key_id(header)
        key = self._keys.get(kid) or await self._keys.find(kid)
        # From here on nothing waits: what is remembered belongs to the keys it was verified with.
        self._follow_keys()
        if key is None:
            raise InvalidToken(Outcome.UNKNOWN_KEY, "the issuer has no such key")
        if not _rs256.verify(signing_input, key, signature):
            raise InvalidToken(Outcome.BAD_SIGNATURE, "the signature is not of that key")
        if len(self._key_ids) < REMEMBERED_HEADERS:
            self._key_ids[header] = kid
        return self._policy.principal(read_claims(payload), self._clock())

    def _follow_keys(self) -> None:
        """Forget tokens that were verified with keys that are no longer published."""
        if self._generation != self._keys.generation:
            self._generation = self._keys.generation
            self._memory.clear()
            self._key_ids.clear()
