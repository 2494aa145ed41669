"""A cache of verified tokens, so that the RSA arithmetic is done once for each token."""

from collections import OrderedDict
from hashlib import blake2b

from libs.auth.claims import has_expired
from libs.auth.principal import Principal


def digest_of(token: str) -> bytes:
    """The cache key of a token: a digest, so that process memory holds no usable token."""
    # BLAKE2b is Python's own: OpenSSL's SHA-256 takes 2 µs more once RSA has emptied the caches.
    return blake2b(token.encode("utf-8", "surrogatepass")).digest()


class TokenCache:
    """The `size` verified tokens used last, by their digest.

    Only what has been verified gets in, so nobody can push good tokens out with bad ones.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._principals: OrderedDict[bytes, Principal] = OrderedDict()

    def __len__(self) -> int:
        return len(self._principals)

    def recall(self, digest: bytes, now: float) -> Principal | None:
        """The principal of a token verified before, unless it has expired. `now` is a Unix time."""
        principal = self._principals.get(digest)
        if principal is None:
            return None
        if has_expired(principal.expires_at, now):
            del self._principals[digest]
            return None
        self._principals.move_to_end(digest)
        return principal

    def keep(self, digest: bytes, principal: Principal) -> None:
        """Remember a verified token; the least recently used one makes room."""
        self._principals[digest] = principal
        if len(self._principals) > self._size:
            self._principals.popitem(last=False)

    def clear(self) -> None:
        """Forget every token, because a key was withdrawn."""
        self._principals.clear()
