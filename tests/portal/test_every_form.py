"""Every form of the portal: refused from other sites, and what was typed survives every answer."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from portal import sign_in
from portal.pages import all_routes
from tests.portal.client import PortalClient
from tests.portal.own import OwnPortal, Relay

TYPED = "what I typed & <b>kept</b>"
SHOWN = "what I typed &amp; &lt;b&gt;kept&lt;/b&gt;"
ID = "9a4c6f5e-7c55-4b3f-9a3e-0d8a5f2b7c22"
REASON = {"reason": TYPED}
ENTRY = {"project": "BIG-WEB", "date": "2026-06-01", "duration": "1:30", "note": TYPED}
CELL = {"cell:BIG-WEB/0:2026-06-01": "7:77"}
# Of each form that the API can refuse: where it is sent, and its fields.
FORMS: tuple[tuple[str, dict[str, str]], ...] = (
    ("/admin/period", {"closed_through": "2026-01-31", **REASON}),
    ("/admin/holidays", {"date": "2026-05-01", "name": TYPED}),
    ("/admin/holidays/delete", {"date": "2026-05-01"}),
    ("/admin/people/new", {"sub": "auth0|new", "name": TYPED, "kind": "employee"}),
    ("/admin/people/person/auth0%7Cerin", {"name": TYPED, "kind": "employee", "version": "1"}),
    ("/admin/people/person/auth0%7Cerin/contracts", {"from": "2026-01-01", "calendar": TYPED}),
    ("/admin/people/person/auth0%7Cerin/contracts/delete", {"from": "2026-01-01"}),
    ("/admin/projects/new", {"code": "KEPT", "name": TYPED, "customer": "Big"}),
    ("/admin/projects/edit/BIG-WEB", {"name": TYPED, "customer": "Big", "version": "1"}),
    (f"/admin/batches/{ID}/undo", {}),
    ("/entries/new", {"id": ID, **ENTRY}),
    (f"/entries/{ID}", {"version": "1", **ENTRY}),
    (f"/entries/{ID}/delete", {"version": "1", "date": "2026-06-01"}),
    (
        "/absences",
        {"id": ID, "from": "2026-06-01", "to": "2026-06-02", "kind": "other", "note": TYPED},
    ),
    (f"/absences/{ID}/delete", {}),
    ("/timer/stop", ENTRY),
    ("/approvals", {"id": ID, "decision": "reject", **REASON}),
    (f"/approvals/{ID}/decision", {"decision": "reject", **REASON}),
    ("/profile", {"name": TYPED, "time_zone": "UTC", "version": "1"}),
    (
        "/profile/delegate",
        {"person": "auth0|maya", "from": "2026-12-01", "to": "2026-12-02"},
    ),
    ("/profile/delegate/delete", {}),
    ("/weeks/2026-W23/submit", {"person": "auth0|erin"}),
    ("/weeks/2026-W23/withdraw", {}),
    ("/weeks/2026-W23/reopen", {"person": "auth0|erin", **REASON}),
    ("/weeks/2026-W23/copy", {"what": "hours"}),
)
# These call nothing of the API, or have tests of their own (test_failures.py, test_week.py).
OTHERS: tuple[tuple[str, dict[str, str]], ...] = (
    ("/auth/sign-out", {}),
    ("/timer/start", {"project": "BIG-WEB"}),
    ("/timer/discard", {}),
    ("/profile/appearance", {"language": "en"}),
    ("/weeks/2026-W23", CELL),
    ("/weeks/2026-W23/cells", {}),
    ("/weeks/2026-W23/rows", {"project": "BIG-WEB"}),
    ("/favourites", {"key": "BIG-WEB", "pin": "1", "week": "2026-W23"}),
)
STATUSES = (400, 401, 403, 409, 412, 422, 429, 500, 503)
# There are none of this id: the page around the form cannot be shown, and says so.
UNKNOWN = ("/approvals/", "/admin/batches/")
SAID = {429: "Too many requests", 503: "Can't reach the server"}


@pytest.fixture
async def ada(portal: OwnPortal) -> AsyncIterator[PortalClient]:
    async with portal.client() as client:
        await client.sign_in("ada")
        yield client


def routes() -> list[re.Pattern[str]]:
    """A pattern for each path that takes a form."""
    app = web.Application()
    app.add_routes([*sign_in.ROUTES, *all_routes()])
    return [
        re.compile(re.sub(r"\\?\{[^{}:]+(:[^{}]*(\{[^{}]*\})?[^{}]*)?\\?\}", "[^/]+", path))
        for path in {
            route.resource.canonical
            for route in app.router.routes()
            if route.method == "POST" and route.resource is not None
        }
    ]


def test_every_form_is_in_the_table() -> None:
    paths = [path for path, _fields in (*FORMS, *OTHERS)]
    found = routes()
    assert len(found) == len(paths)
    for pattern in found:
        assert any(pattern.fullmatch(path) for path in paths), pattern.pattern


async def test_every_form_is_refused_from_another_site_and_without_its_token(
    ada: PortalClient, relay: Relay
) -> None:
    csrf = await ada.csrf()
    relay.seen.clear()
    for path, fields in (*FORMS, *OTHERS):
        evil = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
        page = await ada.request("POST", path, data={**fields, "csrf": csrf}, headers=evil)
        assert page.status == 403, path
        page = await ada.send(path, {**fields, "csrf": "x"})
        assert page.status == 403, path
    assert [call for call in relay.seen if not call.startswith("GET ")] == []
    assert (await ada.get("/profile")).status == 200


@pytest.mark.parametrize("status", STATUSES)
async def test_every_form_says_what_happened_and_keeps_what_was_typed(
    ada: PortalClient, relay: Relay, status: int
) -> None:
    csrf = await ada.csrf()
    await ada.send("/timer/start", {"csrf": csrf, "project": "BIG-WEB"})
    challenge = {"WWW-Authenticate": 'Bearer error="invalid_token"'} if status == 401 else {}
    # A renewed token is refused too, and the sign-in itself goes on.
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        relay.refuse(method, "/v1/", status, challenge)
    for path, fields in FORMS:
        page = await ada.send(path, {**fields, "csrf": csrf})
        assert page.status >= 400, path
        if status not in (401, 429, 500, 503) and not path.startswith(UNKNOWN):
            assert "The API said no." in page.text, path
        assert SAID.get(status, "") in page.text.replace("&#39;", "'"), path
        if TYPED in fields.values():
            assert SHOWN in page.text, path
