"""Actions that cannot be taken back have to be confirmed."""

from __future__ import annotations

import pytest

from tests.portal.browser import Browsing, violations

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("width", [320, 1280])
async def test_an_absence_is_deleted_by_the_second_press(browsing: Browsing, width: int) -> None:
    viewport = {"width": width, "height": 800}
    async with browsing.as_person("erin", viewport=viewport) as watched:
        page, notice = watched.page, watched.page.locator("#notice")
        await page.goto(f"{browsing.origin}/absences?year=2027")
        await page.get_by_label("First day").fill("2027-06-01")
        await page.get_by_label("Last day").fill("2027-06-02")
        await page.get_by_role("button", name="Save").click()
        await notice.wait_for()
        await page.goto(f"{browsing.origin}/absences?year=2027")
        sure = page.get_by_role("button", name="Really delete")
        assert await sure.count() == 0
        await page.locator(".entries summary").focus()
        await page.keyboard.press("Enter")
        assert await violations(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await notice.get_by_text("Absence deleted.").wait_for()
        assert watched.problems == []
