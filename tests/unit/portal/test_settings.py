"""The portal's settings."""

from __future__ import annotations

import base64

import pytest

from libs.web.settings import SettingsError
from portal.security import safe_path
from portal.settings import PortalSettings

KEY = base64.urlsafe_b64encode(b"k" * 32).decode()
GOOD = {
    "AUTH_ISSUER": "https://tenant.example/",
    "AUTH_AUDIENCE": "https://api.exampleco.com/timesheets",
    "AUTH_CLIENT_ID": "portal",
    "AUTH_CLIENT_SECRET": "secret",
    "DATABASE_URL": "postgresql://portal:secret@db/portal",
    "PORTAL_URL": "https://timesheets.exampleco.com/",
    "API_URL": "https://api.exampleco.com",
    "SESSION_KEYS": f"{KEY},{KEY.rstrip('=')}",
}


def test_settings_are_read_and_show_no_secret() -> None:
    settings = PortalSettings.read(GOOD)
    assert settings.portal_url == "https://timesheets.exampleco.com"
    assert settings.session_keys == (b"k" * 32, b"k" * 32)
    assert settings.is_secure
    text = f"{settings!r} {settings.described()}"
    assert "secret" not in text
    assert KEY not in text
    assert "kkkk" not in text


def test_every_mistake_is_reported_at_once() -> None:
    wrong = {
        "PORTAL_URL": "http://timesheets.exampleco.com",
        "API_URL": "https://api.exampleco.com/v1",
        "SESSION_KEYS": "c2hvcnQ=",
    }
    with pytest.raises(SettingsError) as error:
        PortalSettings.read(GOOD | wrong)
    text = str(error.value)
    assert "PORTAL_URL must be https" in text
    assert "API_URL must have no path" in text
    assert "SESSION_KEYS" in text
    assert "c2hvcnQ" not in text


def test_http_is_allowed_on_loopback() -> None:
    settings = PortalSettings.read(GOOD | {"PORTAL_URL": "http://127.0.0.1:8000"})
    assert not settings.is_secure


@pytest.mark.parametrize(
    "target",
    [
        *("https://evil.example", "//evil.example", "/\\evil.example", "evil", "", "\\\\evil"),
        *("/ok\r\nSet-Cookie: x=y", "/a b", "/\tx", "javascript:alert(1)", "/x\\y"),
    ],
)
def test_an_address_elsewhere_becomes_the_start_page(target: str) -> None:
    assert safe_path(target) == "/"


def test_a_path_with_its_query_stays() -> None:
    assert safe_path("/approvals?state=all&week=2026-W48") == "/approvals?state=all&week=2026-W48"
