"""The browser of a desktop, and the stores for tokens."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from mobile.core.tokens import TokenStoreError
from mobile.device.browser import DesktopBrowser
from mobile.device.token_store import FileStore, KeyringStore


class Ring:
    """A keyring that can be locked."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}
        self.locked = False

    def get_password(self, service: str, username: str) -> str | None:
        self._check()
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._check()
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self._check()
        del self.kept[service, username]

    def _check(self) -> None:
        if self.locked:
            raise RuntimeError("locked")


def test_a_keyring_keeps_tokens_and_no_file_does(tmp_path: Path) -> None:
    store = KeyringStore(Ring(), tmp_path)
    store.save("session", "secret")

    assert store.load("session") == "secret"
    store.delete("session")
    store.delete("session")
    assert store.load("session") is None
    assert list(tmp_path.iterdir()) == []


def test_a_locked_keyring_is_reported_and_not_bypassed(tmp_path: Path) -> None:
    ring = Ring()
    ring.locked = True
    store = KeyringStore(ring, tmp_path)

    with pytest.raises(TokenStoreError):
        store.load("session")
    with pytest.raises(TokenStoreError):
        store.save("session", "secret")
    with pytest.raises(TokenStoreError):
        store.delete("session")
    assert list(tmp_path.iterdir()) == []


def test_a_plain_file_is_refused_unless_the_person_agrees(tmp_path: Path) -> None:
    store = KeyringStore(None, tmp_path / "app")
    assert store.needs_consent
    with pytest.raises(TokenStoreError):
        store.save("session", "secret")
    with pytest.raises(TokenStoreError):
        store.load("session")
    assert not (tmp_path / "app").exists()

    store.agree()
    store.save("session", "secret")
    assert KeyringStore(None, tmp_path / "app").load("session") == "secret"
    assert (tmp_path / "app" / "tokens.json").stat().st_mode & 0o077 == 0


def test_a_broken_file_is_reported(tmp_path: Path) -> None:
    (tmp_path / "tokens.json").write_text("{")

    with pytest.raises(TokenStoreError):
        FileStore(tmp_path / "tokens.json").load("session")


async def test_the_browser_comes_back_to_the_port_that_was_named() -> None:
    opened: list[str] = []
    browser = DesktopBrowser(opened.append)
    redirect_uri = await browser.listen(None)
    async with httpx.AsyncClient() as http:
        stray = await http.get(redirect_uri.replace("/callback", "/favicon.ico"))
        assert stray.status_code == 404
        page = await http.get(f"{redirect_uri}?code=a&state=b")
    assert page.status_code == 200
    assert await browser.answer() == f"{redirect_uri}?code=a&state=b"

    # A killed app waits at the same place again.
    await browser.close()
    again = DesktopBrowser(opened.append)
    assert await again.listen(redirect_uri) == redirect_uri
    await again.close()


async def test_what_is_no_request_harms_nothing() -> None:
    browser = DesktopBrowser(lambda _address: None)
    redirect_uri = await browser.listen(None)
    port = httpx.URL(redirect_uri).port
    for sent in (b"\r\n", b"POST /callback HTTP/1.1\r\n\r\n", b"x" * 20_000, b"\xff\xfe\n"):
        _reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        writer.close()
        await writer.wait_closed()
    async with httpx.AsyncClient() as http:
        await http.get(f"{redirect_uri}?code=a")
    assert await browser.answer() == f"{redirect_uri}?code=a"
    await browser.close()
