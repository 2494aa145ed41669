"""What a handler says about who may call it."""

import functools
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeVar

from aiohttp import web

from libs.auth.errors import UndeclaredAccess
from libs.auth.scopes import Scope

H = TypeVar("H", bound=Callable[..., object])

_MARK = "__access__"


@dataclass(frozen=True, slots=True)
class Access:
    """Any one of `scopes` is enough; without scopes any token is; `public` asks for none."""

    scopes: tuple[Scope, ...] = ()
    public: bool = False

    def allows(self, granted: frozenset[Scope]) -> bool:
        return not self.scopes or not granted.isdisjoint(self.scopes)


def requires(*scopes: Scope) -> Callable[[H], H]:
    """Only callers with ANY of these scopes. What takes several at once is for the handler."""
    if not scopes or not all(isinstance(scope, Scope) for scope in scopes):
        raise TypeError("requires() takes one scope or more; @authenticated asks for none")
    return functools.partial(_mark, access=Access(scopes))


def authenticated(handler: H) -> H:
    """Any caller with a good token, whatever its scopes."""
    return _mark(handler, Access())


def public(handler: H) -> H:
    """Anybody. A token that comes along is not looked at."""
    return _mark(handler, Access(public=True))


def access_of(handler: Callable[..., object]) -> Access | None:
    """What the handler declares, or None if it says nothing."""
    access = getattr(handler, _MARK, None)
    return access if isinstance(access, Access) else None


def scopes_of(handler: Callable[..., object]) -> tuple[Scope, ...] | None:
    """The scopes to document: () for any token, None for no token at all."""
    access = access_of(handler)
    if access is None:
        raise UndeclaredAccess(f"{handler!r} does not say who may call it")
    return None if access.public else access.scopes


def check_routes(app: web.Application) -> Awaitable[None]:
    """Raise `UndeclaredAccess` with every route, of sub-applications too, that says nothing.

    Call it when all routes are there, or append it to `app.on_startup`. Class views say nothing.
    """
    silent = [
        f"{route.method} {_path(route)}"
        for route in app.router.routes()
        if access_of(route.handler) is None
    ]
    if silent:
        raise UndeclaredAccess(
            "say @requires(...), @authenticated or @public for " + ", ".join(silent)
        )
    return _Done()


class _Done:
    """What a signal can await, where there is nothing left to wait for."""

    def __await__(self) -> Generator[Any, None, None]:
        return
        yield


def _path(route: web.AbstractRoute) -> str:
    return route.resource.canonical if route.resource is not None else repr(route)


def _mark(handler: H, access: Access) -> H:
    declared = access_of(handler)
    if declared not in (None, access):
        raise TypeError(f"{handler!r} already says {declared}")
    setattr(handler, _MARK, access)
    return handler
