"""Debian's Chromium, driven by playwright."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Page, Playwright, async_playwright

CHROMIUM = "/usr/bin/chromium"
HAS_CHROMIUM = Path(CHROMIUM).exists()
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@dataclass
class Watched:
    """A page, and what went wrong on it meanwhile."""

    page: Page
    problems: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)


class Browsing:
    """People in browsers of their own, signed in once each."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self._playwright: Playwright
        self._browser: Browser
        self._states: dict[str, Any] = {}

    async def __aenter__(self) -> Self:
        self._playwright = await async_playwright().start()
        self._browser = await self._playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"]
        )
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        await self._browser.close()
        await self._playwright.stop()

    @asynccontextmanager
    async def as_person(self, person: str, **options: Any) -> AsyncIterator[Watched]:
        """A page of a signed-in person; `options` are those of a browser context."""
        if person not in self._states:
            self._states[person] = await self._sign_in(person)
        context = await self._browser.new_context(
            storage_state=self._states[person], locale="en-GB", **options
        )
        try:
            yield self._watch(await context.new_page(), context)
        finally:
            await context.close()

    @asynccontextmanager
    async def anonymous(self, **options: Any) -> AsyncIterator[Watched]:
        context = await self._browser.new_context(locale="en-GB", **options)
        try:
            yield self._watch(await context.new_page(), context)
        finally:
            await context.close()

    async def _sign_in(self, person: str) -> Any:
        context = await self._browser.new_context(locale="en-GB")
        page = await context.new_page()
        await page.goto(f"{self.origin}/")
        await page.click(f'button[value="{person}"]')
        if await page.locator('button[name="second_factor"]').count():
            await page.click('button[name="second_factor"]')
        await page.wait_for_url(f"{self.origin}/**")
        state = await context.storage_state()
        await context.close()
        return state

    def _watch(self, page: Page, _context: BrowserContext) -> Watched:
        watched = Watched(page)
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: watched.problems.append(str(error)))
        page.on(
            "console",
            lambda message: (
                watched.problems.append(message.text)
                if message.type in ("error", "warning")
                else None
            ),
        )
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((self.origin, "data:"))
                else watched.foreign.append(request.url)
            ),
        )
        return watched


async def violations(page: Page) -> list[str]:
    """Return what axe-core finds on the page in its present state."""
    found = await Axe().run(page, options={"runOnly": WCAG, "resultTypes": ["violations"]})
    return [
        f"{item['id']}: {item['nodes'][0]['html'][:160]}" for item in found.response["violations"]
    ]
