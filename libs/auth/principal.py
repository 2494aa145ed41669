"""Who is calling."""

from dataclasses import dataclass, field

from libs.auth.scopes import Scope


@dataclass(frozen=True, slots=True)
class Principal:
    """A person or a machine that the issuer vouches for.

    `subject` is the token's `sub`; a machine is known by its `client_id`, which is never None for
    one. `email` and `name` are there to be shown, they decide nothing. `expires_at` is in seconds
    since 1970.
    """

    subject: str
    scopes: frozenset[Scope]
    client_id: str | None
    is_machine: bool
    email: str | None = field(repr=False)
    name: str | None = field(repr=False)
    expires_at: int
