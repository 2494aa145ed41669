"""Access to pages: everybody who is signed in, unless the handler says otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from aiohttp.typedefs import Handler

H = TypeVar("H", bound=Callable[..., Any])

_PUBLIC = "__portal_public__"
_SCOPES = "__portal_scopes__"


def public(handler: H) -> H:
    """No session is needed."""
    setattr(handler, _PUBLIC, True)
    return handler


def shown_to(*scopes: str) -> Callable[[H], H]:
    """The page makes sense with any of these scopes only; the API decides all the same."""

    def mark(handler: H) -> H:
        setattr(handler, _SCOPES, scopes)
        return handler

    return mark


def is_public(handler: Handler) -> bool:
    """Whether the handler declares that it needs no session."""
    return bool(getattr(handler, _PUBLIC, False))


def scopes_of(handler: Handler) -> tuple[str, ...]:
    """The scopes of which a session needs one, as the handler declares them; empty if any session
    will do."""
    scopes: tuple[str, ...] = getattr(handler, _SCOPES, ())
    return scopes
