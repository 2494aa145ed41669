"""The running timer shows on every page."""

from __future__ import annotations

import pytest

from tests.portal.browser import Browsing, violations

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_every_page_shows_the_running_timer_until_it_is_discarded(
    browsing: Browsing,
) -> None:
    viewport = {"width": 320, "height": 640}
    async with browsing.as_person("erin", viewport=viewport) as watched:
        page, running = watched.page, watched.page.locator("#running a")
        await page.goto(f"{browsing.origin}/timer")
        await page.get_by_label("Project").fill("BIG-WEB")
        await page.get_by_role("button", name="Start").click()
        await page.get_by_role("button", name="Stop and save").wait_for()
        assert await running.count() == 0  # The page itself has the clock.

        await page.goto(f"{browsing.origin}/absences")
        assert await page.evaluate("document.documentElement.scrollWidth") <= 320
        assert await violations(page) == []
        await page.set_viewport_size({"width": 1280, "height": 900})
        assert (await running.inner_text()).split() == ["Timer", "BIG-WEB", "0:01"]
        assert await violations(page) == []
        # The script takes it over from the page that it requested.
        await page.get_by_role("link", name="2025").click()
        await page.get_by_role("heading", name="Absences 2025").wait_for()
        assert await running.count() == 1
        started = "document.querySelector('#running time').dateTime"
        await page.evaluate(f"{started} = new Date(Date.now() - 5400e3).toISOString()")
        await page.get_by_text("1:31").wait_for()

        await running.click()
        await page.get_by_text("Discard", exact=True).click()
        await page.get_by_role("button", name="Really discard").click()
        await page.get_by_role("button", name="Start").wait_for()
        await page.goto(f"{browsing.origin}/absences")
        assert await running.count() == 0
        assert watched.problems == []
