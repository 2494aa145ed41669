"""Parameters and columns of the services' statements."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import asyncpg

from libs.feed import events, inbox, serving


def statements(service: str) -> Iterator[str]:
    """All texts of the stores and of the feed; some are parts of statements."""
    package = importlib.import_module(f"services.{service}")
    modules = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    names = [module.name for module in modules if ".store." in module.name]
    for module in (events, inbox, serving, *map(importlib.import_module, names)):
        yield from (text for text in vars(module).values() if isinstance(text, str))


async def test_arrays_are_of_text(guarded_database: str, service_name: str) -> None:
    """Of any other kind asyncpg asks PostgreSQL on each connection, which takes longer than the
    statement."""
    connection = await asyncpg.connect(guarded_database)
    arrays = []
    for text in statements(service_name):
        try:
            statement = await connection.prepare(text)
        except asyncpg.PostgresError:
            continue
        types = [*statement.get_parameters(), *(one.type for one in statement.get_attributes())]
        arrays += [(one.name, text) for one in types if one.kind == "array"]
    await connection.close()

    assert arrays
    assert [(name, text) for name, text in arrays if name != "text[]"] == []
