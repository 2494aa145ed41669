import pytest

from libs.auth import AuthSettings, MachineSettings
from libs.web.settings import Environment, SettingsError

AUTH = {
    "AUTH_ISSUER": "https://tenant.example/",
    "AUTH_AUDIENCE": "https://api.exampleco.com/timesheets",
}
MACHINE = {
    "M2M_CLIENT_ID": "follower",
    "M2M_CLIENT_SECRET": "hush-hush",
    "M2M_TOKEN_URL": "https://tenant.example/oauth/token",
}


def test_the_issuer_is_read_to_the_letter() -> None:
    assert AuthSettings.read(Environment(AUTH)) == AuthSettings(
        issuer="https://tenant.example/",
        audience="https://api.exampleco.com/timesheets",
        jwks_url=None,
    )


def test_the_address_of_the_keys_may_be_given() -> None:
    given = AUTH | {"AUTH_JWKS_URL": "https://tenant.example/keys"}
    assert AuthSettings.read(Environment(given)).jwks_url == "https://tenant.example/keys"


def test_a_machine_is_read_whole() -> None:
    assert MachineSettings.read(Environment(MACHINE)) == MachineSettings(
        client_id="follower",
        client_secret="hush-hush",
        token_url="https://tenant.example/oauth/token",
    )


def test_the_secret_is_not_printed() -> None:
    assert "hush-hush" not in repr(MachineSettings.read(Environment(MACHINE)))


def test_all_missing_settings_are_reported_at_once() -> None:
    environment = Environment({"AUTH_JWKS_URL": "keys"})
    AuthSettings.read(environment)
    MachineSettings.read(environment)
    with pytest.raises(SettingsError) as mistakes:
        environment.check()
    for name in (*AUTH, *MACHINE, "AUTH_JWKS_URL"):
        assert name in str(mistakes.value)
