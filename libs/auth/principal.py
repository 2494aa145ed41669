"""Who is calling."""

import msgspec

from libs.auth.scopes import Scope


class Principal(msgspec.Struct, frozen=True, gc=False):
    """A person or a machine that the issuer vouches for.

    `subject` is the token's `sub`; a machine is known by its `client_id`, which is never None for
    one. `email` and `name` are there to be shown, they decide nothing. `expires_at` is in seconds
    since 1970.
    """

    # A frozen dataclass takes seven times as long to make, which is felt in each new token.
    subject: str
    scopes: frozenset[Scope]
    client_id: str | None
    is_machine: bool
    email: str | None
    name: str | None
    expires_at: int

    def __repr__(self) -> str:
        """Without what is personal: it may end in a log."""
        return f"Principal({self.subject!r}, {sorted(self.scopes)}, machine={self.is_machine})"
