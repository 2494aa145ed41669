"""Pages as people have set up their displays: forced colours, reduced motion, 200 % zoom."""

from __future__ import annotations

import time

import pytest
from playwright.async_api import Locator, Page, expect

from tests.portal.browser import Browsing

pytestmark = pytest.mark.asyncio(loop_scope="session")

PAGES = (
    *(("erin", path) for path in ("/", "/months", "/absences", "/entries/new", "/help/keyboard")),
    *(("maya", path) for path in ("/approvals", "/approvals/overdue", "/team")),
    *(("ada", path) for path in ("/reports", "/admin/people", "/admin/projects")),
)
# A display of 1280 x 800 pixels at 200 % (WCAG 1.4.4, 1.4.10).
ZOOMED = {"width": 640, "height": 400}
# Chromium's own mark of a focused field is thinner than the two pixels of WCAG 2.4.13.
LINE_PIXELS = 2
ANIMATED = """() => [...document.querySelectorAll("*")].flatMap((element) => {
    const style = getComputedStyle(element);
    const seconds = (text) => Math.max(...text.split(",").map(parseFloat));
    const moves = seconds(style.animationDuration) > 0 && style.animationName !== "none";
    return moves || seconds(style.transitionDuration) > 0 ? [element.tagName] : [];
})"""


async def style(locator: Locator, name: str) -> str:
    text: str = await locator.evaluate("(one, name) => getComputedStyle(one)[name]", name)
    return text


async def colour_of(page: Page, name: str) -> str:
    """The computed value of a system colour."""
    text: str = await page.evaluate(
        """(name) => {
            const probe = document.createElement("p");
            probe.style.setProperty("color", name);
            document.body.append(probe);
            const colour = getComputedStyle(probe).color;
            probe.remove();
            return colour;
        }""",
        name,
    )
    return text


@pytest.mark.slow
async def test_forced_colours_keep_what_colours_say(browsing: Browsing) -> None:
    async with browsing.as_person("erin", forced_colors="active") as watched:
        page = watched.page
        await page.goto(f"{browsing.origin}/")
        assert await page.evaluate("matchMedia('(forced-colors: active)').matches")
        current = page.locator('.nav a[aria-current="page"]')
        assert await style(current, "outlineStyle") == "solid"
        for edged in (".summary .chip", ".card", "#grid .cell input:not([type])", ".button"):
            assert await style(page.locator(edged).first, "borderTopStyle") == "solid", edged
            assert await style(page.locator(edged).first, "borderTopWidth") != "0px", edged
        cell = page.locator("#grid .cell input:not([type])").first
        await cell.focus()
        assert float((await style(cell, "outlineWidth")).removesuffix("px")) >= LINE_PIXELS
        assert await style(cell, "outlineStyle") == "solid"
        # The system's colours hold: ours would be invisible on some of its grounds.
        assert await style(page.locator("h1"), "color") == await colour_of(page, "CanvasText")
        await page.evaluate("document.documentElement.dataset.appearance = 'dark'")
        assert await style(page.locator("h1"), "color") == await colour_of(page, "CanvasText")
        assert watched.problems == []


async def test_a_wrong_cell_is_marked_by_more_than_its_colour(browsing: Browsing) -> None:
    async with browsing.as_person("erin", forced_colors="active") as watched:
        page = watched.page
        await page.goto(f"{browsing.origin}/")
        cell = page.locator("#grid .cell input:not([type])").first
        await cell.fill("many")
        await page.keyboard.press("Tab")
        message = page.locator(".cell-error")
        await expect(message).to_contain_text("Type a duration")
        assert await cell.get_attribute("aria-describedby") == await message.get_attribute("id")
        await cell.focus()
        await page.keyboard.press("Escape")


@pytest.mark.slow
@pytest.mark.parametrize(("person", "path"), PAGES)
async def test_nothing_moves_where_motion_is_reduced(
    browsing: Browsing, person: str, path: str
) -> None:
    async with browsing.as_person(person, reduced_motion="reduce") as watched:
        page = watched.page
        await page.goto(browsing.origin + path)
        assert await page.evaluate(ANIMATED) == []
        await page.emulate_media(reduced_motion="no-preference")
        assert await page.evaluate(ANIMATED) != []


@pytest.mark.slow
@pytest.mark.parametrize(("person", "path"), PAGES)
async def test_a_page_fits_at_200_percent(browsing: Browsing, person: str, path: str) -> None:
    async with browsing.as_person(
        person, viewport=ZOOMED, device_scale_factor=2, color_scheme="dark"
    ) as watched:
        page = watched.page
        await page.goto(browsing.origin + path)
        assert await page.evaluate("document.documentElement.scrollWidth") <= ZOOMED["width"]
        heading = page.locator("h1")
        await heading.scroll_into_view_if_needed()
        await expect(heading).to_be_in_viewport(ratio=1)
        # The header that stays in view leaves most of a low window to the page.
        covered = await page.locator(".top").evaluate("(one) => one.getBoundingClientRect().height")
        assert covered < ZOOMED["height"] / 4


async def test_the_grid_can_be_used_at_200_percent(browsing: Browsing) -> None:
    async with browsing.as_person("erin", viewport=ZOOMED, device_scale_factor=2) as watched:
        page = watched.page
        await page.goto(f"{browsing.origin}/")
        for cell in await page.locator("#grid .cell input:not([type])").all():
            await cell.focus()
            # A cell may end on half a pixel.
            await expect(cell).to_be_in_viewport(ratio=0.98)
            box = await cell.bounding_box()
            assert box is not None
            assert box["width"] >= 24, "narrower than WCAG 2.5.8 allows"
            assert box["height"] >= 24


async def test_people_are_suggested_while_a_name_is_typed(browsing: Browsing) -> None:
    async with browsing.as_person("maya") as watched:
        page = watched.page
        requested: list[str] = []
        page.on(
            "request",
            lambda one: requested.append(one.url) if "/suggestions" in one.url else None,
        )
        await page.clock.install()
        await page.goto(f"{browsing.origin}/approvals?state=all")
        field = page.get_by_label("Person")
        await page.clock.pause_at(time.time() + 3600)
        await field.press_sequentially("erin")
        await page.clock.run_for(150)
        options = page.locator("#person-people option")
        await expect(options).to_have_count(1)
        label = await options.first.get_attribute("value")
        assert label == "Erin Employee (auth0|erin)"
        assert [url.rpartition("q=")[2] for url in requested] == ["erin"]
        await field.fill(label)
        await page.get_by_role("button", name="Filter").click()
        await expect(page.locator("tbody tr").first).to_contain_text("Erin Employee")
        # A whole label is a choice: nothing more is suggested for it.
        assert len(requested) == 1
        assert watched.problems == []


async def test_a_name_can_be_typed_where_suggestions_fail(browsing: Browsing) -> None:
    async with browsing.as_person("maya") as watched:
        page = watched.page
        await page.goto(f"{browsing.origin}/approvals?state=all")
        await page.route("**/people/suggestions*", lambda route: route.abort())
        async with page.expect_event("requestfailed"):
            await page.get_by_label("Person").press_sequentially("erin", delay=20)
        await page.get_by_label("Person").press("Enter")
        await expect(page.locator("tbody tr").first).to_contain_text("Erin Employee")
        assert [text for text in watched.problems if "net::ERR_FAILED" not in text] == []
