import functools
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web

from libs.auth import (
    Access,
    Scope,
    UndeclaredAccess,
    access_of,
    authenticated,
    check_routes,
    public,
    requires,
    scopes_of,
)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def handler() -> Handler:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response()

    return answer


def test_a_handler_declares_its_access_rule() -> None:
    silent = handler()
    assert access_of(silent) is None
    assert access_of(public(handler())) == Access(public=True)
    assert access_of(authenticated(handler())) == Access()
    assert access_of(requires(Scope.READ_PEOPLE, Scope.MANAGE_PEOPLE)(handler())) == Access(
        (Scope.READ_PEOPLE, Scope.MANAGE_PEOPLE)
    )


def test_marking_a_handler_leaves_it_as_it_is() -> None:
    marked = handler()
    assert requires(Scope.READ_PEOPLE)(marked) is marked


def test_the_mark_is_seen_through_a_decorator_that_wraps() -> None:
    marked = requires(Scope.READ_PEOPLE)(handler())

    @functools.wraps(marked)
    async def wrapped(request: web.Request) -> web.StreamResponse:
        return await marked(request)

    assert access_of(wrapped) == access_of(marked)


def test_the_mark_is_seen_on_a_bound_method() -> None:
    class Answers:
        @authenticated
        async def show(self, _request: web.Request) -> web.StreamResponse:
            return web.Response()

    assert access_of(Answers().show) == Access()


def test_saying_the_same_twice_does_no_harm() -> None:
    assert access_of(public(public(handler()))) == Access(public=True)


def test_a_handler_cannot_say_two_things() -> None:
    with pytest.raises(TypeError, match="already declares"):
        public(authenticated(handler()))


@pytest.mark.parametrize("scopes", [(), ("read:timesheets",), (handler,)])
def test_only_scopes_can_be_required(scopes: tuple[Scope, ...]) -> None:
    with pytest.raises(TypeError, match="one scope or more"):
        requires(*scopes)


def test_the_scopes_to_document() -> None:
    assert scopes_of(public(handler())) is None
    assert scopes_of(authenticated(handler())) == ()
    assert scopes_of(requires(Scope.READ_EVENTS)(handler())) == (Scope.READ_EVENTS,)
    with pytest.raises(UndeclaredAccess):
        scopes_of(handler())


async def test_every_route_that_says_nothing_is_named() -> None:
    inner = web.Application()
    inner.router.add_get("/deep", handler())
    inner.router.add_get("/said", public(handler()))
    app = web.Application()
    app.router.add_get("/entries/{id}", handler())
    app.router.add_post("/entries", handler())
    app.router.add_get("/weeks", authenticated(handler()))
    app.add_subapp("/inner/", inner)
    with pytest.raises(UndeclaredAccess) as refusal:
        check_routes(app)
    message = str(refusal.value)
    for route in ("GET /entries/{id}", "HEAD /entries/{id}", "POST /entries", "GET /inner/deep"):
        assert route in message
    assert "/weeks" not in message
    assert "/said" not in message


async def test_a_class_view_says_nothing() -> None:
    class Entries(web.View):
        @authenticated
        async def get(self) -> web.StreamResponse:
            return web.Response()

    app = web.Application()
    app.router.add_view("/entries", Entries)
    with pytest.raises(UndeclaredAccess, match=r"\* /entries"):
        check_routes(app)


async def test_a_folder_of_files_says_nothing(tmp_path: Path) -> None:
    app = web.Application()
    app.router.add_static("/files", tmp_path)
    with pytest.raises(UndeclaredAccess, match="GET /files"):
        check_routes(app)


async def test_an_application_that_says_everything_starts() -> None:
    app = web.Application()
    app.router.add_get("/weeks", authenticated(handler()))
    check_routes(app)
    app.on_startup.append(check_routes)
    runner = web.AppRunner(app)
    await runner.setup()
    await runner.cleanup()


async def test_an_application_with_a_silent_route_does_not_start() -> None:
    app = web.Application()
    app.router.add_get("/weeks", handler())
    app.on_startup.append(check_routes)
    with pytest.raises(UndeclaredAccess):
        await web.AppRunner(app).setup()
