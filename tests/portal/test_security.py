"""The protection of the portal, over HTTP and without a browser."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import aiohttp
import asyncpg
import pytest
from yarl import URL

from tests.portal.client import PortalClient
from tests.support.stack import Running

TOKEN = re.compile(r"eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]+")


async def test_a_page_needs_a_sign_in_and_is_there_after_it(client: PortalClient) -> None:
    page = await client.sign_in("erin", "/weeks/2026-W01")
    assert (page.status, page.heading) == (200, "29 Dec 2025 \u2013 4 Jan 2026")
    assert urlsplit(page.url).path == "/weeks/2026-W01"


async def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(
    client: PortalClient,
) -> None:
    await client.sign_in("erin")
    [cookie] = [
        cookie for page in client.pages for cookie in page.cookies if cookie.startswith("session=")
    ]
    flags = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"httponly", "samesite=lax", "path=/"} <= flags
    assert not any(flag.startswith("domain") for flag in flags)


async def test_a_session_known_before_the_sign_in_is_not_used_after_it(
    client: PortalClient, origin: str
) -> None:
    client.jar.update_cookies({"session": "planted"}, URL(origin))
    await client.sign_in("erin")
    assert client.session_cookie != "planted"


async def test_the_same_state_is_good_once_and_in_the_same_browser_only(
    client: PortalClient, origin: str
) -> None:
    await client.sign_in("erin")
    callback = next(
        page.url for page in client.pages if page.url.startswith(f"{origin}/auth/callback")
    )
    again = await client.request("GET", callback)
    assert again.status == 400
    async with PortalClient(origin) as other:
        begun = await other.request("GET", "/auth/sign-in")
        state = parse_qs(urlsplit(begun.headers["Location"]).query)["state"][0]
        stolen = await client.request("GET", f"/auth/callback?state={state}&code=x")
        assert stolen.status == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "null", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {},
    ],
)
async def test_a_form_of_another_site_is_refused(
    client: PortalClient, headers: dict[str, str]
) -> None:
    await client.sign_in("erin")
    fields = {"csrf": await client.csrf(), "project": "BIG-WEB"}
    page = await client.request("POST", "/weeks/2026-W40/rows", data=fields, headers=headers)
    assert page.status == 403


@pytest.mark.parametrize("token", ["", "x", "A" * 88, "/" * 88])
async def test_a_form_without_its_token_is_refused(client: PortalClient, token: str) -> None:
    await client.sign_in("erin")
    page = await client.send("/auth/sign-out", {"csrf": token})
    assert page.status == 403
    assert (await client.get("/profile")).status == 200


async def test_the_token_of_another_person_is_refused(client: PortalClient, origin: str) -> None:
    await client.sign_in("erin")
    async with PortalClient(origin) as other:
        await other.sign_in("emil")
        page = await client.send("/auth/sign-out", {"csrf": await other.csrf()})
    assert page.status == 403


async def test_a_stolen_cookie_is_useless_after_signing_out(
    client: PortalClient, origin: str
) -> None:
    await client.sign_in("erin")
    stolen = client.session_cookie
    page = await client.send("/auth/sign-out")
    assert page.status == 303
    assert "/oidc/logout" in page.headers["Location"]
    cookies = {"Cookie": f"session={stolen}"}
    async with PortalClient(origin) as thief:
        page = await thief.request("GET", "/", headers=cookies)
    assert page.status == 303
    assert page.headers["Location"].startswith("/auth/sign-in")


async def test_no_token_reaches_the_browser(client: PortalClient) -> None:
    await client.sign_in("ada")
    for path in ("/", "/profile", "/approvals", "/nowhere", "/reports", "/admin/people"):
        await client.get(path)
    for page in client.pages:
        if page.url.startswith(client.origin):
            whole = page.text + str(page.headers) + str(page.cookies)
            assert TOKEN.search(whole) is None, page.url


async def test_the_database_holds_nothing_that_can_be_used(
    client: PortalClient, stack: Running
) -> None:
    await client.sign_in("erin")
    connection = await asyncpg.connect(stack.addresses.databases["portal"])
    rows = [
        *await connection.fetch("SELECT * FROM sessions"),
        *await connection.fetch("SELECT * FROM sign_ins"),
    ]
    await connection.close()
    dump = b" ".join(value for row in rows for value in row.values() if isinstance(value, bytes))
    assert dump
    assert client.session_cookie.encode() not in dump
    assert TOKEN.search(dump.decode("latin-1")) is None
    assert b"@exampleco.com" not in dump


async def test_signing_in_under_another_name_moves_to_the_portals_own(
    client: PortalClient, origin: str
) -> None:
    headers = {"Host": "localhost"}
    page = await client.request("GET", "/auth/sign-in?return_to=/months", headers=headers)
    assert page.headers["Location"] == f"{origin}/auth/sign-in?return_to=/months&moved=1"
    page = await client.request("GET", "/auth/sign-in?moved=1", headers=headers)
    assert "/authorize?" in page.headers["Location"]


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "/%09/evil.example",
        "javascript:alert(1)",
        "\\\\evil.example",
        "http:evil.example",
    ],
)
async def test_signing_in_never_leads_to_another_site(
    client: PortalClient, origin: str, target: str
) -> None:
    page = await client.sign_in("erin", f"/auth/sign-in?return_to={target}")
    assert page.url.startswith(f"{origin}/")


async def test_pages_allow_own_files_only(client: PortalClient) -> None:
    page = await client.sign_in("erin")
    policy = page.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert page.headers["Cache-Control"] == "no-store"
    assert re.search(r"<[^>]+\s(?:style|on\w+)=", page.text) is None
    assert re.search(r"<(?:script|style)[^>]*>[^<]", page.text) is None


async def test_multipart_and_large_forms_are_refused(client: PortalClient) -> None:
    await client.sign_in("erin")
    csrf, headers = await client.csrf(), {"Sec-Fetch-Site": "same-origin"}
    form = aiohttp.FormData({"csrf": csrf})
    form.add_field("file", b"x", filename="x")
    page = await client.request("POST", "/weeks/2026-W40/rows", data=form, headers=headers)
    assert page.status == 415
    page = await client.send("/weeks/2026-W40/rows", {"csrf": csrf, "project": "x" * 300_000})
    assert page.status == 413


HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}"


async def test_what_people_type_is_shown_as_text(client: PortalClient) -> None:
    """Every text that can be stored, on the pages that show it."""
    await client.sign_in("ada")
    project = {"name": HOSTILE, "customer": HOSTILE, "billable": "on", "active": "on"}
    await client.post("/admin/projects/new", {"code": "HOSTILE", "tasks": HOSTILE, **project})
    await client.post(
        "/admin/people/new",
        {"sub": HOSTILE[:60], "name": HOSTILE, "employer": HOSTILE, "kind": "contractor"},
    )
    await client.post(
        "/entries/new",
        {
            "id": "6d1b3e86-6f0e-4dd2-8d6f-1f0c2a9f7f00",
            "project": "HOSTILE",
            "task": HOSTILE,
            "date": "2026-05-04",
            "duration": "1",
            "note": HOSTILE,
        },
    )
    await client.post("/profile", {"name": HOSTILE, "time_zone": HOSTILE, "version": "1"})
    seen = 0
    for path in (
        *("/weeks/2026-W19", "/entries/6d1b3e86-6f0e-4dd2-8d6f-1f0c2a9f7f00", "/admin/projects"),
        *(
            "/admin/projects/edit/HOSTILE",
            "/admin/people",
            "/reports?from=2026-05-01&to=2026-05-31",
        ),
        *("/reports/timesheet?from=2026-05-01&to=2026-05-31", "/entries/new", "/timer"),
        *("/admin/changes", "/admin/changes?service=profile"),
    ):
        await client.get(path)
    await client.get("/reports", params={"customer": HOSTILE, "group_by": HOSTILE})
    await client.get("/admin/people", params={"q": HOSTILE[:90]})
    await client.get("/weeks/2026-W19", params={"row": HOSTILE, "person": HOSTILE})
    for page in client.pages:
        if page.url.startswith(client.origin):
            assert "<script>alert" not in page.text, page.url
            assert "<img src=x" not in page.text, page.url
            assert "49" not in re.findall(r"onerror=alert\(1\)&gt;(\S{2})", page.text), page.url
            seen += "&lt;script&gt;alert(1)" in page.text
    assert seen > 8
