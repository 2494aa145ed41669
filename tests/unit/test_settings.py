"""The settings that a service reads from its environment."""

from __future__ import annotations

import re

import pytest

from libs.service.settings import ServiceSettings
from libs.web.settings import SettingsError

VARIABLES = {
    "AUTH_ISSUER": "https://exampleco.auth0.com/",
    "AUTH_AUDIENCE": "https://api.exampleco.com/timesheets",
    "DATABASE_URL": "postgresql://entries:s3cret@db:5432/entries",
}


def test_three_variables_are_enough() -> None:
    settings = ServiceSettings.read(VARIABLES, "entries")
    assert settings.auth.issuer == "https://exampleco.auth0.com/"
    assert settings.web.port == 8080


def test_neither_the_start_log_nor_a_representation_shows_a_password() -> None:
    settings = ServiceSettings.read(VARIABLES, "entries")
    assert settings.described()["database"] == "entries@db:5432/entries"
    assert "s3cret" not in f"{settings!r} {settings.described()}"


def test_all_missing_and_invalid_settings_are_reported_at_once() -> None:
    with pytest.raises(SettingsError) as refusal:
        ServiceSettings.read({"PORT": "x", "DATABASE_URL": "mysql://db/x"}, "entries", ["profile"])
    message = " ".join(refusal.value.mistakes)
    wrong = ("PORT", "AUTH_ISSUER", "AUTH_AUDIENCE", "DATABASE_URL", "M2M_CLIENT_ID", "PROFILE_URL")
    for name in wrong:
        assert name in message


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"PORT": "8080", "ADMIN_PORT": "8080"}, "PORT and ADMIN_PORT are the same"),
        ({"CORS_ORIGINS": "app.example.com"}, "app.example.com is not like https://"),
        ({"CORS_ORIGINS": "https://app.example.com/"}, "is not like https://app.example.com"),
        ({"CORS_ORIGINS": "*"}, "is not like https://app.example.com"),
        ({"AUTH_ISSUER": "https://exampleco.auth0.com"}, "does not end with a slash"),
        ({"DATABASE_URL": "postgresql://e:s@db:99999/entries"}, "a port above 65535"),
        ({"DATABASE_URL": "postgresql://e:s@db/entries?sslmode=sure"}, "sslmode is none of"),
    ],
)
def test_settings_that_can_never_work_are_refused(variables: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(message)):
        ServiceSettings.read(VARIABLES | variables, "entries")


def test_the_address_of_a_followed_service_may_end_with_a_slash() -> None:
    machine = {"M2M_CLIENT_ID": "x", "M2M_CLIENT_SECRET": "x", "M2M_TOKEN_URL": "https://x/token"}
    variables = VARIABLES | machine | {"APPROVALS_URL": "http://approvals:8080/"}
    following = ServiceSettings.read(variables, "entries", ["approvals"]).following
    assert following is not None
    assert following.sources[0].url == "http://approvals:8080/v1/approvals/feed"
