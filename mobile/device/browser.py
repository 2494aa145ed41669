"""The system's browser, and the way back from it into the app."""

from __future__ import annotations

import asyncio
import logging
import webbrowser
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from mobile.core.settings import LOOPBACK_PORTS, LOOPBACK_REDIRECT, PRIVATE_REDIRECT

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
MAX_REQUEST = 16 * 1024
_PAGE = (
    "<!doctype html><meta charset=utf-8><title>ExampleCo Timesheets</title>"
    "<style>body{{font:1.2rem system-ui;margin:20vh auto;max-width:24rem;"
    "text-align:center}}</style>"
    "<p>{text}"
)


class DesktopBrowser:
    """Comes back to a port of this machine (RFC 8252 section 7.3)."""

    back_to = ""  # no port is open after a sign-in: a sign-out ends on the page of the issuer

    def __init__(self, open_address: Callable[[str], Any] = webbrowser.open) -> None:
        self._open_address = open_address
        self._server: asyncio.Server | None = None
        self._answers: asyncio.Queue[str] = asyncio.Queue()
        self._redirect_uri = ""

    async def listen(self, redirect_uri: str | None) -> str:
        """Listen on a port of this machine; returns the redirect address for it."""
        await self.close()
        # If another program has the port of the pending sign-in, that sign-in is over.
        pending = urlsplit(redirect_uri or "").port
        for port in (*((pending,) if pending else ()), *LOOPBACK_PORTS, 0):
            try:
                self._server = await asyncio.start_server(
                    self._serve, HOST, port, limit=MAX_REQUEST
                )
                break
            except OSError:
                log.debug("port %d is in use", port)
        if self._server is None:
            raise OSError("no port is free on the loopback address")
        port = self._server.sockets[0].getsockname()[1]
        self._redirect_uri = LOOPBACK_REDIRECT.format(port=port)
        return self._redirect_uri

    def open(self, address: str) -> None:
        """Open the address in the system's browser."""
        # A browser's launcher may block for seconds.
        asyncio.get_running_loop().run_in_executor(None, self._open_address, address)

    async def answer(self) -> str:
        """Wait for the address that the browser comes back with."""
        return await self._answers.get()

    async def close(self) -> None:
        """Stop listening."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
            await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(10):
                line = await reader.readline()
                status, text = self._take(line)
                page = _PAGE.format(text=text).encode()
                writer.write(
                    f"HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\n"
                    f"Content-Length: {len(page)}\r\nConnection: close\r\n"
                    "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'\r\n"
                    "Referrer-Policy: no-referrer\r\n\r\n".encode()
                    + page
                )
                await writer.drain()
        except (OSError, ValueError, TimeoutError):
            log.debug("a request to the loopback address was not answered")
        finally:
            writer.close()

    def _take(self, line: bytes) -> tuple[str, str]:
        """The answer to a request line; only what comes to our address counts."""
        parts = line.decode("ascii", "replace").split()
        target = parts[1] if len(parts) == 3 and parts[0] == "GET" else ""
        path = target.partition("?")[0]
        if path == urlsplit(self._redirect_uri).path:
            self._answers.put_nowait(self._redirect_uri + target[len(path) :])
            return "200 OK", "You can close this window and go back to the app."
        return "404 Not Found", "There is nothing here."


class AndroidBrowser:
    """Comes back by the app's private scheme; the system hands the address to the app."""

    back_to = PRIVATE_REDIRECT.replace("callback", "signed-out")

    def __init__(self, open_address: Callable[[str], Any]) -> None:
        self._open_address = open_address
        self._answers: asyncio.Queue[str] = asyncio.Queue()

    def receive(self, address: str) -> None:
        """Take in an address that the system opened the app with."""
        if address.startswith(PRIVATE_REDIRECT):
            self._answers.put_nowait(address)

    async def listen(self, redirect_uri: str | None) -> str:
        """The app's own redirect address; the system delivers it, so there is no port."""
        return redirect_uri or PRIVATE_REDIRECT

    def open(self, address: str) -> None:
        """Open the address in the system's browser."""
        self._open_address(address)

    async def answer(self) -> str:
        """Wait for the address that the browser comes back with."""
        return await self._answers.get()

    async def close(self) -> None:
        """There is nothing to close: the system listens."""


def make_browser(platform: str) -> DesktopBrowser | AndroidBrowser:
    """`platform` as kivy.utils names it."""
    if platform == "android":
        return _android_browser()
    return DesktopBrowser()


def _android_browser() -> AndroidBrowser:
    from android import activity
    from jnius import autoclass

    intent_class = autoclass("android.content.Intent")
    uri_class = autoclass("android.net.Uri")
    current = autoclass("org.kivy.android.PythonActivity").mActivity

    def open_address(address: str) -> None:
        current.startActivity(intent_class(intent_class.ACTION_VIEW, uri_class.parse(address)))

    browser = AndroidBrowser(open_address)
    loop = asyncio.get_running_loop()

    def take(intent: Any) -> None:
        data = intent.getDataString() if intent is not None else None
        if data:
            # The system calls from a thread of its own.
            loop.call_soon_threadsafe(browser.receive, data)

    activity.bind(on_new_intent=take)
    take(current.getIntent())  # the app was killed meanwhile and is started by the answer
    return browser
