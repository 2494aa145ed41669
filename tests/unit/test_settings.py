"""What a service reads from its environment."""

from __future__ import annotations

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


def test_everything_that_is_missing_or_wrong_is_told_at_once() -> None:
    with pytest.raises(SettingsError) as refusal:
        ServiceSettings.read({"PORT": "x", "DATABASE_URL": "mysql://db/x"}, "entries", ["profile"])
    told = " ".join(refusal.value.mistakes)
    wrong = ("PORT", "AUTH_ISSUER", "AUTH_AUDIENCE", "DATABASE_URL", "M2M_CLIENT_ID", "PROFILE_URL")
    for name in wrong:
        assert name in told
