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


@pytest.mark.parametrize(
    "address",
    [
        "mysql://x:hidden@db/entries",
        "postgresql://x:hidden#hidden@db/entries",
        "postgresql://x:hidden/hidden@db/entries",
        "postgresql://x:hidden?hidden@db/entries",
        "postgresql://x:hidden@hidden@db/entries",
        "postgresql://x:hidden[hidden@db/entries",
        "postgresql://x:hidden hidden@db/entries",
        "postgresql://x:hidden@db",
        "postgresql://x:hidden@db:port/entries",
        "postgresql://x:hidden@db/entries?hidden",
        "hidden",
    ],
)
def test_all_mistakes_are_reported_at_once_without_the_password(address: str) -> None:
    env = Environment({"DATABASE_URL": address, "DB_POOL_MAX": "many"})

    DatabaseSettings.read(env)
    with pytest.raises(SettingsError) as caught:
        env.check()

    assert len(caught.value.mistakes) == 2
    assert "hidden" not in str(caught.value) + DatabaseSettings(address).described()


@pytest.mark.parametrize(
    ("address", "described"),
    [
        ("postgres://db/entries", "@db/entries"),
        (
            "postgresql://x:a%23b@db.example:5432/entries?sslmode=require",
            "x@db.example:5432/entries",
        ),
        ("postgresql://x:a:b@one:5432,two:5433/entries", "x@one:5432,two:5433/entries"),
        ("postgresql://x:y@[::1]:5432/entries", "x@[::1]:5432/entries"),
        ("postgresql://x:y@%2Fvar%2Frun/entries", "x@%2Fvar%2Frun/entries"),
    ],
)
def test_addresses_may_have_several_forms(address: str, described: str) -> None:
    env = Environment({"DATABASE_URL": address})

    assert DatabaseSettings.read(env).described() == described
    env.check()


def test_a_database_must_be_named() -> None:
    env = Environment({})

    DatabaseSettings.read(env)

    with pytest.raises(SettingsError, match="DATABASE_URL is not set"):
        env.check()


def test_the_pool_keeps_no_more_connections_than_it_may_have() -> None:
    env = Environment({"DATABASE_URL": URL, "DB_POOL_MIN": "5", "DB_POOL_MAX": "4"})

    DatabaseSettings.read(env)

    with pytest.raises(SettingsError, match="DB_POOL_MIN"):
        env.check()


def test_one_connection_is_enough_to_ask_for() -> None:
    env = Environment({"DATABASE_URL": URL, "DB_POOL_MAX": "1"})

    assert DatabaseSettings.read(env).pool_min == 1
    env.check()
