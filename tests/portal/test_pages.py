"""Every page: accessible, without errors, narrow enough for a phone, and within its budget."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime

import pytest

from libs.rules.calendar import Week
from tests.portal.browser import Browsing, violations
from tests.portal.client import PortalClient

pytestmark = pytest.mark.asyncio(loop_scope="session")

LAST_WEEK = Week.of(datetime.now(UTC).date()).plus(-1)
EVERYBODY = (
    *("/", f"/weeks/{LAST_WEEK}", f"/weeks/{LAST_WEEK.plus(1)}/submit", "/entries/new", "/timer"),
    *("/months", "/absences", "/profile", "/help/keyboard", "/nowhere"),
)
MANAGERS = ("/approvals", "/approvals?state=all", "/approvals/overdue", "/team", "/profile")
ADMINISTRATORS = (
    *(
        "/reports",
        "/reports?group_by=customer&then_by=project",
        f"/reports/timesheet?from={LAST_WEEK.monday}&to={LAST_WEEK.monday}",
    ),
    *("/admin/projects", "/admin/projects/new", "/admin/projects/edit/BIG-WEB"),
    *("/admin/people", "/admin/people/new", "/admin/people/person/auth0%7Cerin"),
    *("/admin/unassigned", "/admin/period", "/admin/holidays", "/admin/batches"),
    *("/admin/changes", "/admin/changes?service=profile"),
)
PAGES = [
    *(("erin", path) for path in EVERYBODY),
    *(("maya", path) for path in MANAGERS),
    *(("ada", path) for path in ADMINISTRATORS),
]
# A page of each kind is looked at in `make test`, the others in `make test-slow`.
OF_EACH_KIND = {
    *(("erin", "/"), ("erin", "/entries/new"), ("erin", "/months"), ("erin", "/nowhere")),
    *(("maya", "/approvals"), ("maya", "/team")),
    *(("ada", "/reports"), ("ada", "/admin/people"), ("ada", "/admin/projects/edit/BIG-WEB")),
}
# Of the week page with everything that it needs, compressed.
BUDGET_BYTES = 60 * 1024
BUDGET_REQUESTS = 6


@pytest.mark.parametrize(
    ("person", "path"),
    [pytest.param(*page, marks=() if page in OF_EACH_KIND else pytest.mark.slow) for page in PAGES],
)
async def test_a_page_is_accessible_and_fits(browsing: Browsing, person: str, path: str) -> None:
    number = PAGES.index((person, path))
    scheme, width = ("light", "dark")[number % 2], (320, 1280)[number // 2 % 2]
    async with browsing.as_person(
        person, viewport={"width": 320, "height": 640}, color_scheme=scheme
    ) as watched:
        page = watched.page
        response = await page.goto(browsing.origin + path)
        assert response is not None
        assert response.status == (404 if path == "/nowhere" else 200)
        assert await page.evaluate("document.documentElement.scrollWidth") <= 320
        await page.set_viewport_size({"width": width, "height": 900})
        assert await violations(page) == []
        assert watched.foreign == []
        assert [text for text in watched.problems if "404" not in text] == []


async def test_an_approval_is_accessible(browsing: Browsing) -> None:
    async with browsing.as_person("maya") as watched:
        page = watched.page
        await page.goto(f"{browsing.origin}/approvals?state=approved")
        await page.locator("tbody a").first.click()
        await page.wait_for_selector("#entries-heading")
        assert await violations(page) == []
        assert watched.problems == []


async def test_the_week_page_keeps_its_budget(origin: str) -> None:
    async with PortalClient(origin) as client:
        page = await client.sign_in("erin")
        addresses = sorted(
            {part for part in page.text.replace("#", '"').split('"') if part.startswith("/static/")}
        )
        bodies = [page.text] + [(await client.get(address)).text for address in addresses]
    sizes = [len(gzip.compress(body.encode(), 5)) for body in bodies]
    assert len(bodies) <= BUDGET_REQUESTS
    assert sum(sizes) < BUDGET_BYTES, dict(zip(["page", *addresses], sizes, strict=True))
    print(f"the week page: {sum(sizes)} bytes in {len(bodies)} requests")


async def test_texts_are_german_where_the_person_wants_it(origin: str) -> None:
    async with PortalClient(origin, language="de") as client:
        await client.sign_in("elena")
        fields = {"language": "de", "appearance": "dark"}
        page = await client.post("/profile/appearance", fields)
        assert '<html lang="de" data-appearance="dark">' in page.text
        week = await client.get("/")
        assert "Woche einreichen" in week.text
        assert "Mo." in week.text
