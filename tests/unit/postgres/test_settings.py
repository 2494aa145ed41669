import pytest

from libs.postgres.settings import DatabaseSettings
from libs.web.settings import Environment, SettingsError

URL = "postgresql://entries:hidden@db.example:5432/entries"


def test_the_environment_says_where_the_database_is_and_how_many_connections_there_are() -> None:
    env = Environment({"DATABASE_URL": URL, "DB_POOL_MIN": "3", "DB_POOL_MAX": "7"})

    settings = DatabaseSettings.read(env)

    assert (settings.dsn, settings.pool_min, settings.pool_max) == (URL, 3, 7)
    env.check()


def test_the_password_is_neither_in_the_representation_nor_in_what_is_logged() -> None:
    settings = DatabaseSettings(URL)

    assert "hidden" not in repr(settings) + settings.described()
    assert settings.described() == "entries@db.example:5432/entries"


def test_all_mistakes_are_told_at_once_and_without_the_password() -> None:
    env = Environment({"DATABASE_URL": "mysql://x:hidden@db/entries", "DB_POOL_MAX": "many"})

    DatabaseSettings.read(env)

    with pytest.raises(SettingsError) as caught:
        env.check()
    assert len(caught.value.mistakes) == 2
    assert "hidden" not in str(caught.value)


def test_the_pool_keeps_no_more_connections_than_it_may_have() -> None:
    env = Environment({"DATABASE_URL": URL, "DB_POOL_MIN": "5", "DB_POOL_MAX": "4"})

    DatabaseSettings.read(env)

    with pytest.raises(SettingsError, match="DB_POOL_MIN"):
        env.check()


def test_one_connection_is_enough_to_ask_for() -> None:
    env = Environment({"DATABASE_URL": URL, "DB_POOL_MAX": "1"})

    assert DatabaseSettings.read(env).pool_min == 1
    env.check()
