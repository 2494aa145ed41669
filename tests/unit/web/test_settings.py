"""Settings: one equality for the right ones, all mistakes at once for the wrong ones."""

from __future__ import annotations

import pytest

from libs.web.settings import Environment, SettingsError, WebSettings

DEFAULTS = WebSettings(
    host="0.0.0.0",
    port=8080,
    admin_port=9090,
    log_format="json",
    log_level="info",
    event_loop="asyncio",
    cors_origins=(),
    rate_limit=100,
    shutdown_delay=5.0,
    shutdown_timeout=20.0,
)


def test_an_empty_environment_gives_the_defaults_of_a_container() -> None:
    assert WebSettings.read(Environment({})) == DEFAULTS


def test_every_variable_is_read() -> None:
    env = Environment(
        {
            "HOST": "127.0.0.1",
            "PORT": "8081",
            "ADMIN_PORT": "9081",
            "LOG_FORMAT": "console",
            "LOG_LEVEL": "DEBUG",
            "CORS_ORIGINS": "https://a.example, https://b.example",
            "RATE_LIMIT": "off",
            "SHUTDOWN_DELAY": "0.5",
            "SHUTDOWN_TIMEOUT": "3",
        }
    )
    settings = WebSettings.read(env)
    env.check()
    assert settings == WebSettings(
        host="127.0.0.1",
        port=8081,
        admin_port=9081,
        log_format="console",
        log_level="debug",
        event_loop="asyncio",
        cors_origins=("https://a.example", "https://b.example"),
        rate_limit=None,
        shutdown_delay=0.5,
        shutdown_timeout=3.0,
    )


def test_all_mistakes_are_reported_at_once_without_values() -> None:
    env = Environment({"PORT": "70000", "LOG_LEVEL": "loud", "SHUTDOWN_DELAY": "nan", "URL": "x"})
    WebSettings.read(env)
    env.url("URL")
    env.secret("PASSWORD")
    with pytest.raises(SettingsError) as refusal:
        env.check()
    assert [mistake.split()[0] for mistake in refusal.value.mistakes] == [
        "PORT",
        "LOG_LEVEL",
        "SHUTDOWN_DELAY",
        "URL",
        "PASSWORD",
    ]
    assert "70000" not in str(refusal.value)


def test_a_variable_set_to_nothing_counts_as_not_set() -> None:
    assert WebSettings.read(Environment({"PORT": "", "HOST": " "})) == DEFAULTS


def test_a_missing_event_loop_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("libs.web.settings.find_spec", lambda _name: None)
    env = Environment({"EVENT_LOOP": "uvloop"})
    assert WebSettings.read(env).event_loop == "uvloop"
    with pytest.raises(SettingsError, match="uvloop, which is not installed"):
        env.check()
