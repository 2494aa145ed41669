"""My week in a real browser."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import expect

from dev.sample_data import PEOPLE
from dev.seed import Caller
from dev.signin import sign_in
from libs.rules.calendar import Week
from tests.portal.browser import Browsing, violations
from tests.support.stack import Running

pytestmark = pytest.mark.asyncio(loop_scope="session")

ERIN = "/v1/people/auth0%7Cerin"


@pytest_asyncio.fixture(loop_scope="session")
async def joined_long_ago(stack: Running) -> AsyncIterator[None]:
    """Erin has worked for longer than the sample company has weeks of hers."""
    people = {person.key: person for person in PEOPLE}
    async with aiohttp.ClientSession() as session:
        ada, erin = [
            Caller(
                session,
                stack.addresses.gateway,
                await sign_in(session, stack.addresses.issuer, people[key]),
            )
            for key in ("ada", "erin")
        ]
        before = (await ada.send("GET", ERIN))["since"]
        week = week_from_now(-60)
        await ada.send("PATCH", ERIN, {"since": str(week.monday)})
        while (await erin.send("GET", f"/v1/timesheets/{week}"))["target_minutes"] is None:
            await asyncio.sleep(0.05)
        yield
        await ada.send("PATCH", ERIN, {"since": before})


def week_from_now(weeks: int) -> Week:
    return Week.of(datetime.now(UTC).date()).plus(weeks)


@pytest.mark.usefixtures("joined_long_ago")
async def test_a_week_is_filled_by_keyboard_and_submitted(browsing: Browsing) -> None:
    week = week_from_now(-10)
    async with browsing.as_person("erin") as watched:
        page = watched.page
        await page.goto(f"{browsing.origin}/weeks/{week}")
        await page.focus("#project")
        await page.keyboard.type("Website relaunch (BIG-WEB)")
        await page.keyboard.press("Enter")
        await expect(page.locator("#grid tbody tr[data-row]")).to_have_count(1)
        await page.focus(f'#grid input[data-date="{week.monday}"]')
        for typed in ("8", "7:30", "1,5", "90m", "8h"):
            await page.keyboard.type(typed)
            await page.keyboard.press("ArrowRight")
        await expect(page.locator("#save-state")).to_have_text("All changes saved")
        shown = [
            await one.input_value()
            for one in await page.locator("#grid .cell input[data-date]").all()
        ]
        assert shown == ["8:00", "7:30", "1:30", "1:30", "8:00", "", ""]
        await expect(page.locator(".summary [data-week-total]")).to_have_text("26:30")
        await page.get_by_role("link", name="Submit week").focus()
        await page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog")
        await expect(dialog).to_contain_text("13:30 short of target")
        assert await violations(page) == []
        await dialog.get_by_role("button", name="Submit week").press("Enter")
        await expect(page.locator(".summary .chip")).to_have_text("Submitted")
        await expect(page.locator("#notice")).to_be_visible()
        assert watched.problems == []
        assert watched.foreign == []


async def test_a_block_of_a_spreadsheet_is_pasted(browsing: Browsing) -> None:
    week = week_from_now(-11)
    async with browsing.as_person("erin") as watched:
        page = watched.page
        await page.goto(f"{browsing.origin}/weeks/{week}?row=BIG-WEB&row=BIG-SHOP")
        first = page.locator(f'#grid input[data-date="{week.monday}"]').first
        await first.focus()
        await page.evaluate(
            """() => {
                const data = new DataTransfer();
                data.setData("text/plain", "1:00\\t2:00\\n3:00\\t4:00\\n");
                const options = { clipboardData: data, bubbles: true, cancelable: true };
                document.activeElement.dispatchEvent(new ClipboardEvent("paste", options));
            }"""
        )
        await expect(page.locator("#save-state")).to_have_text("All changes saved")
        await page.reload()
        totals = page.locator("[data-day-total]")
        await expect(totals.nth(0)).to_have_text("4:00")
        await expect(totals.nth(1)).to_have_text("6:00")


async def test_a_change_made_elsewhere_is_shown_and_can_be_overridden(browsing: Browsing) -> None:
    week = week_from_now(-12)
    async with browsing.as_person("erin") as one, browsing.as_person("erin") as other:
        address = f"{browsing.origin}/weeks/{week}?row=BIG-WEB"
        cell = f'#grid input[data-date="{week.monday}"]'
        await one.page.goto(address)
        await one.page.fill(cell, "1:00")
        await one.page.keyboard.press("Enter")
        await expect(one.page.locator("#save-state")).to_have_text("All changes saved")
        await other.page.goto(address)
        await other.page.fill(cell, "2:00")
        await other.page.keyboard.press("Enter")
        await expect(other.page.locator("#save-state")).to_have_text("All changes saved")
        await one.page.fill(cell, "3:00")
        await one.page.keyboard.press("Enter")
        await expect(one.page.locator(".cell-error")).to_contain_text("Changed to 2:00 elsewhere")
        assert await one.page.input_value(cell) == "3:00"
        await one.page.focus(cell)
        await one.page.keyboard.press("Enter")
        await expect(one.page.locator("#save-state")).to_have_text("All changes saved")
        await other.page.reload()
        assert await other.page.input_value(cell) == "3:00"


async def test_what_is_typed_without_a_connection_is_sent_when_it_is_back(
    browsing: Browsing,
) -> None:
    week = week_from_now(-15)
    async with browsing.as_person("erin") as watched:
        page = watched.page
        await page.goto(f"{browsing.origin}/weeks/{week}?row=BIG-WEB")
        await page.context.set_offline(True)
        await page.fill(f'#grid input[data-date="{week.monday}"]', "4:15")
        await page.keyboard.press("Enter")
        await expect(page.locator("#save-state")).to_contain_text("Can't reach the server")
        await page.context.set_offline(False)
        await expect(page.locator("#save-state")).to_have_text("All changes saved", timeout=15_000)
        await page.reload()
        assert await page.input_value(f'#grid input[data-date="{week.monday}"]') == "4:15"


async def test_a_favourite_row_is_there_in_every_open_week(browsing: Browsing) -> None:
    async with browsing.as_person("ella") as watched:
        page = watched.page
        await page.goto(f"{browsing.origin}/weeks/{week_from_now(-16)}?row=INT-LEARN")
        await page.get_by_role("button", name="Keep Learning in every week").click()
        star = page.locator('.star[aria-pressed="true"]')
        await expect(star).to_have_count(1)
        await page.goto(f"{browsing.origin}/weeks/{week_from_now(-17)}")
        await expect(star).to_have_count(1)
        await page.get_by_role("button", name="Keep Learning in every week").click()
        await expect(star).to_have_count(0)
        assert watched.problems == []


async def test_a_note_is_written_in_a_dialog(browsing: Browsing) -> None:
    week = week_from_now(-13)
    async with browsing.as_person("erin") as watched:
        page = watched.page
        await page.goto(f"{browsing.origin}/weeks/{week}?row=BIG-WEB")
        await page.fill(f'#grid input[data-date="{week.monday}"]', "2")
        await page.keyboard.press("Tab")
        await expect(page.locator("#save-state")).to_have_text("All changes saved")
        await page.locator(".cell-note").first.click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("Note").fill("<b>Planning</b>")
        await dialog.get_by_role("button", name="Save").click()
        await expect(dialog).to_have_count(0)
        await expect(page.locator("#notice")).to_be_visible()
        await expect(page.locator(".has-note .cell-note").first).to_have_attribute(
            "title", "<b>Planning</b>"
        )
        assert watched.problems == []


async def test_everything_works_without_scripts(browsing: Browsing) -> None:
    week = week_from_now(-14)
    async with browsing.as_person("erin", java_script_enabled=False) as watched:
        page = watched.page
        await page.goto(f"{browsing.origin}/weeks/{week}")
        await page.fill("#project", "BIG-SHOP")
        await page.get_by_role("button", name="Add row").click()
        days = [week.monday + timedelta(days=offset) for offset in range(7)]
        await page.fill(f'#grid input[data-date="{days[0]}"]', "8")
        await page.fill(f'#grid input[data-date="{days[1]}"]', "many")
        await page.get_by_role("button", name="Save", exact=True).click()
        assert await page.input_value(f'#grid input[data-date="{days[1]}"]') == "many"
        await expect(page.locator(".cell-error")).to_contain_text("Type a duration")
        await page.fill(f'#grid input[data-date="{days[1]}"]', "7:15")
        await page.get_by_role("button", name="Save", exact=True).click()
        await expect(page.locator(".summary [data-week-total]")).to_have_text("15:15")
        await page.get_by_role("link", name="Submit week").click()
        await page.get_by_role("button", name="Submit week").click()
        await expect(page.locator(".summary .chip")).to_have_text("Submitted")
