"""The week grid loses nothing: refused texts, slow saving, undo of a deletion, an ended sign-in."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Dialog, Page, Route, expect

from tests.portal.browser import Browsing, violations
from tests.portal.test_grid_keys import (
    CELLS,
    expect_saved,
    open_week,
    paste,
    stored,
    texts,
    week_from_now,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

CELL_ADDRESS = "**/cells"
REFUSED = "Type a duration"


async def type_into(page: Page, cell: int, text: str) -> None:
    await page.locator(CELLS).nth(cell).fill(text)
    await page.keyboard.press("Enter")


async def expect_refused(page: Page) -> None:
    await expect(page.locator(".cell-error")).to_contain_text(REFUSED)
    await expect(page.locator("#save-state")).to_have_text("Not saved")


async def test_undo_after_a_refused_text_restores_what_was_saved(browsing: Browsing) -> None:
    async with browsing.as_person("erin") as watched:
        page = watched.page
        await open_week(page, browsing, week_from_now(-40), "BIG-WEB")
        await type_into(page, 0, "3")
        await expect_saved(page)
        await type_into(page, 0, "three")
        await expect_refused(page)
        await type_into(page, 0, "7")
        await expect_saved(page)
        await page.locator(CELLS).nth(0).focus()
        await page.keyboard.press("Control+z")
        await expect(page.locator("[data-week-total]").first).to_have_text("3:00")
        assert (await stored(page))[0] == "3:00"


async def test_a_refused_text_is_given_up_only_when_one_says_so(browsing: Browsing) -> None:
    messages: list[str] = []
    answers = iter([False, False, True])

    async def answer(dialog: Dialog) -> None:
        messages.append(dialog.message)
        await (dialog.accept() if next(answers) else dialog.dismiss())

    async with browsing.as_person("erin") as watched:
        page = watched.page
        await open_week(page, browsing, week_from_now(-54), "BIG-WEB")
        address = page.url
        await page.get_by_role("link", name="Absences").click()
        await page.get_by_role("heading", name="Absences").wait_for()
        await page.go_back()
        await page.locator(CELLS).nth(0).wait_for()
        page.on("dialog", answer)
        await type_into(page, 0, "three")
        await expect_refused(page)
        async with page.expect_event("dialog"):
            await page.get_by_role("link", name="Absences").click()
        async with page.expect_event("dialog"):
            await page.evaluate("history.forward()")
        await expect(page.locator(".cell-error")).to_be_visible()
        await expect(page.locator(CELLS).nth(0)).to_have_value("three")
        assert page.url == address
        await page.get_by_role("link", name="Absences").click()
        await expect(page.get_by_role("heading", name="Absences")).to_be_visible()
        assert messages == ["Discard what you typed?"] * 3


async def test_escape_after_a_refused_text_restores_what_was_saved(browsing: Browsing) -> None:
    async with browsing.as_person("erin") as watched:
        page = watched.page
        await open_week(page, browsing, week_from_now(-41), "BIG-WEB")
        for text in ("3", "7"):
            await type_into(page, 0, text)
            await expect_saved(page)
        await type_into(page, 0, "three")
        await expect_refused(page)
        await page.locator(CELLS).nth(0).focus()
        await page.keyboard.press("Escape")
        await expect(page.locator(CELLS).nth(0)).to_have_value("7:00")
        await expect(page.locator(".cell-error")).to_have_count(0)
        await expect_saved(page)


async def test_a_refused_cell_is_good_again_with_its_saved_text(browsing: Browsing) -> None:
    async with browsing.as_person("erin") as watched:
        page = watched.page
        await open_week(page, browsing, week_from_now(-42), "BIG-WEB")
        await type_into(page, 0, "three")
        await expect_refused(page)
        await type_into(page, 0, "")
        await expect(page.locator(".cell-error")).to_have_count(0)
        await expect_saved(page)


async def test_enter_overrides_a_change_made_elsewhere_in_any_row(browsing: Browsing) -> None:
    async with browsing.as_person("erin") as one, browsing.as_person("erin") as other:
        week = week_from_now(-43)
        for page in (one.page, other.page):
            await open_week(page, browsing, week, "BIG-WEB", "BIG-SHOP")
        await type_into(one.page, 0, "1")
        await expect_saved(one.page)
        await open_week(other.page, browsing, week, "BIG-WEB", "BIG-SHOP")
        await type_into(other.page, 0, "2")
        await expect_saved(other.page)
        await type_into(one.page, 0, "3")
        await expect(one.page.locator(".cell-error")).to_contain_text("Changed to 2:00 elsewhere")
        await one.page.locator(CELLS).nth(0).focus()
        await one.page.keyboard.press("Enter")
        await expect_saved(one.page)
        await expect(one.page.locator(".cell-error")).to_have_count(0)
        await type_into(other.page, 0, "4")
        await expect(other.page.locator(".cell-error")).to_contain_text("Changed to 3:00")


async def test_a_week_with_a_refused_cell_is_not_submitted(browsing: Browsing) -> None:
    async with browsing.as_person("erin") as watched:
        page = watched.page
        await open_week(page, browsing, week_from_now(-44), "BIG-WEB")
        await page.locator(CELLS).nth(0).fill("three")
        # By keyboard: the message of the refusal may move the link between press and release.
        await page.get_by_role("link", name="Submit week").press("Enter")
        await expect_refused(page)
        await expect(page.locator(CELLS).nth(0)).to_be_focused()
        await expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.parametrize(("first", "weeks"), [("2", -45), ("two", -46)])
async def test_a_text_changed_while_it_is_saved_is_saved_too(
    browsing: Browsing, first: str, weeks: int
) -> None:
    async with browsing.as_person("erin") as watched:
        page, may_answer = watched.page, [asyncio.Event(), asyncio.Event()]
        unanswered = list(may_answer)

        async def wait(route: Route) -> None:
            await unanswered.pop(0).wait()
            await route.continue_()

        await open_week(page, browsing, week_from_now(weeks), "BIG-WEB")
        await page.route(CELL_ADDRESS, wait)
        await type_into(page, 0, first)
        await expect(page.locator("#save-state")).to_have_text("Saving…")
        await type_into(page, 0, "4")
        async with page.expect_request(CELL_ADDRESS):
            may_answer[0].set()
        await expect(page.locator("#save-state")).to_have_text("Saving…")
        may_answer[1].set()
        await expect_saved(page)
        assert (await stored(page))[0] == "4:00"


async def test_a_cell_that_fails_does_not_hold_up_the_others(browsing: Browsing) -> None:
    async with browsing.as_person("erin") as watched:
        page = watched.page
        await open_week(page, browsing, week_from_now(-47), "BIG-WEB")
        failed = {"status": 500, "content_type": "text/html", "body": "<h1>Broken</h1>"}
        await page.route(CELL_ADDRESS, lambda route: route.fulfill(**failed), times=1)
        for text in ("1", "2"):
            await page.locator(CELLS).nth(int(text)).fill(text)
            await page.keyboard.press("Enter")
        await expect(page.locator("[data-week-total]").first).to_have_text("2:00")
        await expect(page.locator("#save-state")).to_have_text("Not saved")
        assert (await texts(page))[1:3] == ["1", "2:00"]
        await page.locator(CELLS).nth(1).focus()
        await page.keyboard.press("Enter")
        await expect_saved(page)
        assert (await stored(page))[1:3] == ["1:00", "2:00"]


async def test_undo_of_a_deletion_restores_note_and_billable(browsing: Browsing) -> None:
    async with browsing.as_person("erin") as watched:
        page = watched.page
        await open_week(page, browsing, week_from_now(-48), "BIG-WEB")
        await page.locator(CELLS).nth(0).fill("2")
        # Opens the details of an entry that is only just being saved.
        await page.keyboard.press("F2")
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("Note").fill("Planning")
        await dialog.get_by_label("Billable").select_option("no")
        await dialog.get_by_role("button", name="Save").click()
        await expect(dialog).to_have_count(0)
        await type_into(page, 0, "0")
        await expect(page.locator(".has-note")).to_have_count(0)
        await page.locator(CELLS).nth(0).focus()
        await page.keyboard.press("Control+z")
        await expect(page.locator(".has-note")).to_have_count(1)
        await page.keyboard.press("F2")
        await expect(dialog.get_by_label("Note")).to_have_value("Planning")
        await expect(dialog.get_by_label("Billable")).to_have_value("no")
        assert watched.problems == []


@pytest.mark.parametrize(("is_signed_in", "weeks"), [(False, -49), (True, -50)])
async def test_cells_outlive_the_sign_in_they_were_typed_in(
    browsing: Browsing, is_signed_in: bool, weeks: int
) -> None:
    """Another tab of the browser may have signed in meanwhile."""
    async with browsing.as_person("erin") as watched:
        page = watched.page
        await open_week(page, browsing, week_from_now(weeks), "BIG-WEB", "BIG-SHOP")
        await page.context.clear_cookies(name="session")
        if is_signed_in:
            tab = await page.context.new_page()
            await tab.goto(f"{browsing.origin}/profile")
            await tab.close()
        await page.locator(CELLS).nth(0).focus()
        await paste(page, "1:00\t2:00\n3:00\t4:00\n")
        await expect(page.locator("[data-week-total]").first).to_have_text("10:00")
        await expect_saved(page)
        both = await texts(page)
        assert (both[:2], both[7:9]) == (["1:00", "2:00"], ["3:00", "4:00"])


async def test_pasted_cells_that_do_not_fit_are_named(browsing: Browsing) -> None:
    async with browsing.as_person("erin") as watched:
        page = watched.page
        await open_week(page, browsing, week_from_now(-51), "BIG-WEB")
        await page.locator(CELLS).nth(6).focus()
        await paste(page, "1:30:00\t2:00\n")
        await expect(page.get_by_role("alert")).to_contain_text("Not all pasted cells fit")
        await expect_saved(page)
        assert (await stored(page))[6] == "1:30"


async def test_a_refusal_can_be_read_on_a_phone(browsing: Browsing) -> None:
    async with browsing.as_person("erin", viewport={"width": 360, "height": 800}) as watched:
        page = watched.page
        await open_week(page, browsing, week_from_now(-53), "BIG-WEB")
        tops = [await top_of(page, cell) for cell in range(7)]
        await type_into(page, 1, "two")
        await type_into(page, 3, "four")
        messages = page.locator(".cell-error")
        await expect(messages).to_have_count(2)
        await expect(messages.nth(0)).to_have_text(f"Tue {REFUSED} like 1:30, 1.5 or 90m.")
        for message in await messages.all():
            box = await message.bounding_box()
            assert box is not None
            assert box["width"] > 250
        # The cells stay in one line, each below its day.
        assert [await top_of(page, cell) for cell in range(7)] == tops
        assert await violations(page) == []


async def top_of(page: Page, cell: int) -> tuple[int, int]:
    box = await page.locator(CELLS).nth(cell).bounding_box()
    assert box is not None
    return round(box["y"] / 4), round(box["x"] / 4)


async def test_escape_asks_before_it_discards_what_was_typed(browsing: Browsing) -> None:
    async with browsing.as_person("erin") as watched:
        page, answers = watched.page, [False, True]
        page.on("dialog", lambda one: one.accept() if answers.pop(0) else one.dismiss())
        await page.goto(browsing.origin)
        link, dialog = page.get_by_role("link", name="New entry"), page.get_by_role("dialog")
        await link.click()
        await dialog.get_by_label("Project").wait_for()
        await page.keyboard.press("Escape")
        await expect(dialog).to_have_count(0)
        await link.click()
        await dialog.get_by_label("Note").fill("Long thoughts")
        await page.keyboard.press("Escape")
        await expect(dialog.get_by_label("Note")).to_have_value("Long thoughts")
        # Chromium lets a page keep a dialog open once for each time that it is used.
        await dialog.get_by_label("Task").fill("Build")
        await page.keyboard.press("Escape")
        await expect(dialog).to_have_count(0)
        assert answers == []


async def test_a_link_pressed_twice_opens_one_dialog(browsing: Browsing) -> None:
    async with browsing.as_person("erin") as watched:
        page = watched.page
        await page.goto(browsing.origin)
        await page.get_by_role("link", name="New entry").dblclick()
        await expect(page.get_by_role("dialog").get_by_label("Project")).to_be_visible()
        await page.wait_for_load_state("networkidle")
        await expect(page.locator("dialog")).to_have_count(1)
