"""The API pages in Debian's Chromium: paste a token or sign in, execute a request, see 200."""

from __future__ import annotations

import re

import aiohttp
import pytest
from playwright.async_api import Page, expect

from dev.sample_data import SERVICES
from tests.portal.browser import Browsing
from tests.support.stack import Running, sign_in

pytestmark = pytest.mark.slow

OPERATIONS = {"entries": "list_entries", "approvals": "show_approvals", "profile": "show_profile"}


async def open_page(page: Page, origin: str, service: str) -> None:
    await page.goto(f"{origin}/v1/{service}/docs")
    await expect(page.get_by_text("Authorize").first).to_be_visible()


async def execute(page: Page, service: str) -> None:
    """Execute the operation and expect 200."""
    block = page.locator(f"[id$={OPERATIONS[service]}]")
    await block.locator(".opblock-summary").first.click()
    await block.get_by_role("button", name="Try it out").click()
    async with page.expect_response(re.compile(f"{page.url.split('/v1')[0]}/v1/")) as answer:
        await block.get_by_role("button", name="Execute").click()
    assert (await answer.value).status == 200
    status = block.locator(".live-responses-table .response-col_status").last
    await expect(status).to_have_text(re.compile("^200"))


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("service", SERVICES)
async def test_a_pasted_token_executes_a_request(
    browsing: Browsing, stack: Running, service: str
) -> None:
    async with aiohttp.ClientSession() as session:
        token = (await sign_in(session, stack.addresses.issuer, "maya"))["access_token"]
    async with browsing.anonymous() as watched:
        page = watched.page
        await open_page(page, browsing.origin, service)
        await page.locator(".auth-wrapper .authorize").click()
        dialog = page.locator(".auth-container").filter(has_text="bearer (http, Bearer)")
        await dialog.locator("input").fill(token)
        await dialog.get_by_role("button", name="Apply credentials").click()
        await page.locator(".modal-ux .close-modal").click()
        await execute(page, service)
        assert (watched.problems, watched.foreign) == ([], [])


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("service", SERVICES)
async def test_people_sign_in_from_the_page(browsing: Browsing, service: str) -> None:
    async with browsing.anonymous() as watched:
        page = watched.page
        await open_page(page, browsing.origin, service)
        await page.locator(".auth-wrapper .authorize").click()
        dialog = page.locator(".auth-container").filter(has_text="OAuth2, authorizationCode")
        await dialog.get_by_text("select all").click()
        async with page.expect_popup() as opening:
            await dialog.locator("button.authorize").click()
        popup = await opening.value
        await popup.click('button[value="maya"]')
        if not popup.is_closed() and await popup.locator('button[name="second_factor"]').count():
            await popup.click('button[name="second_factor"]')
        await expect(dialog.get_by_text("Logout")).to_be_visible()
        await page.locator(".modal-ux .close-modal").click()
        await execute(page, service)
        assert watched.problems == []
