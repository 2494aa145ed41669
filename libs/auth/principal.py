"""The authenticated caller."""

import msgspec

from libs.auth.scopes import Scope


class Principal(msgspec.Struct, frozen=True, gc=False):
    """A person or a machine authenticated by the issuer.

    `subject` is the token's `sub`; a machine is identified by its `client_id`, which is never None
    for machines. `email` and `name` are for display only. `issued_at`, `expires_at` and
    `second_factor_at` (None without a second factor) are Unix times in seconds. `token_id` (`jti`)
    and `actor` (the `sub` of `act`, RFC 8693 4.1) are for the audit log only.
    """

    # Creating a frozen dataclass takes seven times as long, measurable for each new token.
    subject: str
    scopes: frozenset[Scope]
    client_id: str | None
    is_machine: bool
    email: str | None
    name: str | None
    expires_at: int
    issued_at: int = 0
    second_factor_at: int | None = None
    token_id: str | None = None
    actor: str | None = None

    def __repr__(self) -> str:
        """Leave out personal data: a repr may end in a log."""
        return f"Principal({self.subject!r}, {sorted(self.scopes)}, machine={self.is_machine})"
