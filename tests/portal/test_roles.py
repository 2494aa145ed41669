"""Managers and administrators at work, in a real browser."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Page, expect

from libs.rules.calendar import Week
from tests.portal.browser import Browsing, violations

# Slow: every form and every page has smaller tests.
pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.slow]

TODAY = datetime.now(UTC).date()


async def log_and_submit(browsing: Browsing, person: str, week: Week) -> None:
    async with browsing.as_person(person) as watched:
        page = watched.page
        await page.goto(f"{browsing.origin}/weeks/{week}?row=BIG-WEB")
        for day in week.days[:5]:
            await page.fill(f'#grid input[data-date="{day}"]', "8")
        await page.get_by_role("link", name="Submit week").click()
        await page.get_by_role("dialog").get_by_role("button", name="Submit week").click()
        await expect(page.locator(".summary .chip")).to_have_text("Submitted")


async def open_approval(page: Page, origin: str, week: Week) -> None:
    """The approval arrives by the feed: look for it until it is there."""
    for _attempt in range(100):
        await page.goto(f"{origin}/approvals?week={week}")
        if await page.locator("tbody a").count():
            break
        await page.wait_for_timeout(100)
    await page.locator("tbody a").first.click()
    await page.wait_for_selector("#decision-heading")


async def test_a_manager_rejects_with_a_reason_and_approves(browsing: Browsing) -> None:
    week = Week.of(TODAY).plus(-20)
    await log_and_submit(browsing, "emil", week)
    async with browsing.as_person("maya") as watched:
        page = watched.page
        await open_approval(page, browsing.origin, week)
        assert await violations(page) == []
        await page.get_by_label("Reason for rejecting").fill("Tuesday was another project.")
        await page.get_by_role("button", name="Reject", exact=True).click()
        await expect(page.locator("#notice")).to_have_text("Week rejected.")
        assert page.url == f"{browsing.origin}/approvals?week={week}"
        assert watched.problems == []
    await log_and_submit(browsing, "emil", week)
    async with browsing.as_person("maya") as watched:
        page = watched.page
        await open_approval(page, browsing.origin, week)
        await page.get_by_role("button", name="Approve", exact=True).click()
        await expect(page.locator("#notice")).to_have_text("Week approved.")
    async with browsing.as_person("emil") as watched:
        page = watched.page
        for _attempt in range(100):
            await page.goto(f"{browsing.origin}/weeks/{week}")
            if await page.locator(".summary .chip-approved").count():
                break
            await page.wait_for_timeout(100)
        await expect(page.locator(".lock").first).to_be_visible()
        assert await page.locator("#grid .cell input[data-date]").count() == 0


async def test_the_navigation_shows_how_many_weeks_wait(browsing: Browsing) -> None:
    async with browsing.as_person("maya") as watched:
        page = watched.page
        await page.goto(f"{browsing.origin}/approvals")
        waiting = await page.locator('tbody input[type="checkbox"]').count()
        # The number may be a minute old, and is counted beside the page that needs it.
        for _attempt in range(100):
            await page.goto(f"{browsing.origin}/profile")
            if await page.locator(".badge").count():
                break
            await page.wait_for_timeout(50)
        shown = await page.locator(".badge").text_content()
        assert shown == f"waiting: {waiting}"


async def test_several_weeks_are_approved_at_once_without_scripts(browsing: Browsing) -> None:
    async with browsing.as_person("maya", java_script_enabled=False) as watched:
        page = watched.page
        await page.goto(f"{browsing.origin}/approvals")
        boxes = page.locator('tbody input[type="checkbox"]')
        before = await boxes.count()
        await boxes.nth(0).check()
        await boxes.nth(1).check()
        await page.get_by_role("button", name="Approve selected").click()
        await expect(page.locator("#notice")).to_contain_text("Approved 2 weeks.")
        assert await boxes.count() == before - 2
        await page.get_by_role("button", name="Reject selected").click()
        await expect(page.get_by_text("Select at least one week.")).to_be_visible()


async def test_an_administrator_creates_a_project_and_a_person(browsing: Browsing) -> None:
    async with browsing.as_person("ada") as watched:
        page = watched.page
        await page.goto(f"{browsing.origin}/admin/projects")
        await page.get_by_role("link", name="New project").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("Code").fill("BIG-WEB")
        await dialog.get_by_label("Name", exact=True).fill("<i>Moon</i>")
        await dialog.get_by_label("Customer").fill("Big Company")
        await dialog.get_by_role("button", name="Save").click()
        await expect(dialog.get_by_role("alert")).to_be_visible()
        await dialog.get_by_label("Code").fill("MOON-1")
        await dialog.get_by_role("button", name="Save").click()
        await expect(page.locator("#notice")).to_have_text("Project created.")
        await expect(page.get_by_role("link", name="Edit <i>Moon</i>")).to_be_visible()

        await page.goto(f"{browsing.origin}/admin/people/new")
        await page.get_by_label("Id at the issuer").fill("auth0|newcomer")
        await page.get_by_label("Name", exact=True).fill("Nora Newcomer")
        await page.get_by_label("E-mail").fill("nora@exampleco.com")
        await page.get_by_label("Manager").fill("auth0|maya")
        await page.get_by_role("button", name="Save", exact=True).click()
        await expect(page.locator("#notice")).to_have_text("Person added.")
        await expect(page.locator("h1")).to_have_text("Nora Newcomer")
        if await page.get_by_label("Mon", exact=True).count():
            await page.get_by_label("From", exact=True).fill("2026-01-01")
            await page.get_by_label("Holidays").fill("DE-BY")
            await page.get_by_role("button", name="Save contract").click()
            await expect(page.locator("#notice")).to_have_text("Contract saved.")
            await expect(page.locator("#contracts tbody strong")).to_have_text("40:00")


async def test_an_administrator_closes_a_month_and_opens_it_again(browsing: Browsing) -> None:
    closed = TODAY - timedelta(days=400)
    async with browsing.as_person("ada") as watched:
        page = watched.page
        await page.goto(f"{browsing.origin}/admin/period")
        await page.get_by_label("Close through").fill(closed.isoformat())
        await page.get_by_role("button", name="Save").click()
        await expect(page.locator("#notice")).to_have_text("Period saved.")
        await expect(page.locator("#close-heading")).to_contain_text("Closed through")
        await page.get_by_role("button", name="Open everything").click()
        await expect(page.get_by_label("Reason")).to_be_focused()
        await expect(page.locator(".field-error")).to_contain_text("give a reason")
        await page.get_by_label("Reason").fill("Closed by mistake.")
        await page.get_by_role("button", name="Open everything").click()
        await expect(page.locator("#close-heading")).to_have_text("Nothing is closed")


async def test_a_manager_names_a_delegate(browsing: Browsing) -> None:
    async with browsing.as_person("marco") as watched:
        page = watched.page
        await page.goto(f"{browsing.origin}/profile")
        await page.get_by_label("Person").fill("maya man")
        await page.get_by_label("From").fill(TODAY.isoformat())
        await page.get_by_label("To", exact=True).fill((TODAY + timedelta(days=3)).isoformat())
        await page.get_by_role("button", name="Save delegate").click()
        await expect(page.locator("#notice")).to_have_text("Delegate saved.")
        assert watched.problems == []


async def test_the_timer_becomes_an_entry(browsing: Browsing) -> None:
    async with browsing.as_person("elena") as watched:
        page = watched.page
        await page.goto(f"{browsing.origin}/timer")
        await page.get_by_label("Project").fill("BIG-WEB")
        await page.get_by_role("button", name="Start").click()
        await expect(page.locator("[data-clock]")).to_be_visible()
        await page.get_by_label("Duration").fill("0:25")
        await page.get_by_label("Note").fill("measured")
        await page.get_by_role("button", name="Stop and save").click()
        await expect(page.locator("#notice")).to_have_text("Entry saved.")
        assert watched.problems == []


async def test_an_absence_and_a_company_day_shade_the_week(browsing: Browsing) -> None:
    week = Week.of(TODAY).plus(3)
    async with browsing.as_person("ethan") as watched:
        page = watched.page
        await page.goto(f"{browsing.origin}/absences?year={week.monday.year}")
        await page.get_by_label("First day").fill(week.days[1].isoformat())
        await page.get_by_label("Last day").fill(week.days[2].isoformat())
        await page.get_by_label("How much").select_option("0.5")
        await page.get_by_label("Note").fill("<u>half</u>")
        await page.get_by_role("button", name="Save").click()
        await expect(page.locator("#notice")).to_have_text("Absence saved.")
        await expect(page.get_by_text("<u>half</u>")).to_be_visible()
        assert await violations(page) == []
        assert watched.problems == []
    async with browsing.as_person("ada") as watched:
        page = watched.page
        await page.goto(f"{browsing.origin}/admin/holidays?year={week.monday.year}")
        await page.locator("#date").fill(week.days[3].isoformat())
        await page.locator("#name").fill("Company day")
        await page.get_by_role("button", name="Save").click()
        await expect(page.locator("#notice")).to_have_text("Holiday saved.")
        assert await violations(page) == []
    async with browsing.as_person("ethan") as watched:
        page = watched.page
        await page.goto(f"{browsing.origin}/weeks/{week}")
        heads = page.locator(".grid-day")
        await expect(heads.nth(1)).to_contain_text("Vacation ½")
        await expect(heads.nth(3)).to_contain_text("Company day")
        assert await violations(page) == []


async def test_select_all_shows_whether_all_are_selected(browsing: Browsing) -> None:
    async with browsing.as_person("maya", viewport={"width": 1280, "height": 400}) as watched:
        page = watched.page
        await page.goto(f"{browsing.origin}/approvals")
        every, first = page.get_by_label("Select all"), page.get_by_label("Select ").nth(0)
        await every.check()
        await first.uncheck()
        await expect(every).not_to_be_checked()
        assert await every.evaluate("(box) => box.indeterminate")
        await first.check()
        await expect(every).to_be_checked()
        await every.uncheck()
        await page.get_by_role("button", name="Approve selected").click()
        # Its button is at the end of the list, the message at its beginning.
        await expect(page.get_by_role("alert")).to_be_in_viewport(ratio=1)
