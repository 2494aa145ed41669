"""Declares which callers a handler admits."""

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
    """Any one of `scopes` is enough; without scopes any token is; `public` needs no token.

    With `step_up` a person must have used a second factor recently (RFC 9470).
    """

    scopes: tuple[Scope, ...] = ()
    public: bool = False
    step_up: bool = False

    def allows(self, granted: frozenset[Scope]) -> bool:
        """Whether a caller with these scopes is admitted."""
        return not self.scopes or not granted.isdisjoint(self.scopes)


def requires(*scopes: Scope, step_up: bool = False) -> Callable[[H], H]:
    """Admit callers with ANY of these scopes. A handler that needs several checks the others.

    With `step_up` a person must have used a second factor recently (RFC 9470); machines need none.
    """
    if not scopes or not all(isinstance(scope, Scope) for scope in scopes):
        raise TypeError("requires() takes one scope or more; @authenticated asks for none")
    return functools.partial(_mark, access=Access(scopes, step_up=step_up))


def authenticated(handler: H) -> H:
    """Admit any caller with a valid token, whatever its scopes."""
    return _mark(handler, Access())


def public(handler: H) -> H:
    """Admit everybody. A token in the request is ignored."""
    return _mark(handler, Access(public=True))


def access_of(handler: Callable[..., object]) -> Access | None:
    """The declared access of the handler, or None if it declares none."""
    access = getattr(handler, _MARK, None)
    return access if isinstance(access, Access) else None


def scopes_of(handler: Callable[..., object]) -> tuple[Scope, ...] | None:
    """The scopes to document: () for any token, None for no token at all."""
    access = access_of(handler)
    if access is None:
        raise UndeclaredAccess(f"{handler!r} declares no access")
    return None if access.public else access.scopes


def check_routes(app: web.Application) -> Awaitable[None]:
    """Raise `UndeclaredAccess` naming every route, sub-applications included, without access.

    Call it after adding all routes, or append it to `app.on_startup`. Class-based views are
    not supported.
    """
    undeclared = [
        f"{route.method} {_path(route)}"
        for route in app.router.routes()
        if access_of(route.handler) is None
    ]
    if undeclared:
        raise UndeclaredAccess(
            "declare @requires(...), @authenticated or @public for " + ", ".join(undeclared)
        )
    return _Done()


class _Done:
    """An awaitable that completes at once, so that `check_routes` also works as a signal."""

    def __await__(self) -> Generator[Any, None, None]:
        return
        yield


def _path(route: web.AbstractRoute) -> str:
    return route.resource.canonical if route.resource is not None else repr(route)


def _mark(handler: H, access: Access) -> H:
    declared = access_of(handler)
    if declared not in (None, access):
        raise TypeError(f"{handler!r} already declares {declared}")
    setattr(handler, _MARK, access)
    return handler
