"""A browser without scripts: follows redirects by hand, keeps cookies, sends forms."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from html import unescape
from types import TracebackType
from typing import Any, Self
from urllib.parse import urljoin, urlsplit

import aiohttp


@dataclass
class Page:
    status: int
    url: str
    headers: dict[str, str]
    text: str
    cookies: list[str] = field(default_factory=list)

    @property
    def csrf(self) -> str:
        found = re.search(r'name="csrf" value="([^"]+)"', self.text)
        assert found is not None, self.text[:500]
        return unescape(found[1])

    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def heading(self) -> str:
        found = re.search(r"<h1[^>]*>(.*?)</h1>", self.text, re.DOTALL)
        return unescape(re.sub(r"<[^>]+>", "", found[1])).strip() if found else ""


class PortalClient:
    """`origin` is the portal's; every response that came along is in `pages`."""

    def __init__(self, origin: str, language: str = "en") -> None:
        self.origin = origin
        self.pages: list[Page] = []
        self.jar = aiohttp.CookieJar(unsafe=True)
        headers = {"Accept-Language": language}
        self._http = aiohttp.ClientSession(cookie_jar=self.jar, headers=headers)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        await self._http.close()

    @property
    def session_cookie(self) -> str:
        return next((one.value for one in self.jar if one.key == "session"), "")

    async def request(self, method: str, url: str, **options: Any) -> Page:
        """One request, its redirect not followed."""
        target = urljoin(f"{self.origin}/", url)
        async with self._http.request(method, target, allow_redirects=False, **options) as response:
            page = Page(
                response.status,
                str(response.url),
                dict(response.headers),
                await response.text(),
                response.headers.getall("Set-Cookie", []),
            )
        self.pages.append(page)
        return page

    async def get(self, url: str, **options: Any) -> Page:
        """A page, after redirects."""
        page = await self.request("GET", url, **options)
        while page.status in (302, 303):
            page = await self.request("GET", urljoin(page.url, page.headers["Location"]))
        return page

    async def post(self, url: str, fields: Any = None, **options: Any) -> Page:
        """Send a form as the page at hand would, and follow where it leads."""
        page = await self.send(url, fields, **options)
        while page.status in (302, 303):
            page = await self.request("GET", urljoin(page.url, page.headers["Location"]))
        return page

    async def send(self, url: str, fields: Any = None, **options: Any) -> Page:
        """Send a form, its redirect not followed."""
        headers = {"Origin": self.origin, "Sec-Fetch-Site": "same-origin"}
        headers |= options.pop("headers", {})
        form = list((fields or {}).items()) if not isinstance(fields, list) else list(fields)
        if not any(name == "csrf" for name, _value in form):
            form.append(("csrf", await self.csrf()))
        return await self.request("POST", url, data=form, headers=headers, **options)

    async def csrf(self) -> str:
        return (await self.get("/profile")).csrf

    async def sign_in(self, person: str, path: str = "/") -> Page:
        """Open `path`, choose the person at the stand-in, and return the page that follows."""
        page = await self.get(path)
        action = re.search(r'<form method="post" action="([^"]+)"', page.text)
        assert action is not None, page.text[:500]
        assert urlsplit(page.url).netloc != urlsplit(self.origin).netloc
        target = urljoin(page.url, unescape(action[1]))
        page = await self.request("POST", target, data={"person": person})
        if 'name="second_factor"' in page.text:
            fields = {"person": person, "second_factor": "confirmed"}
            page = await self.request("POST", target, data=fields)
        while page.status in (302, 303):
            page = await self.request("GET", urljoin(page.url, page.headers["Location"]))
        return page
