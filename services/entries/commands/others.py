"""The check before somebody acts for another person."""

from __future__ import annotations

import asyncpg

from libs.rules.errors import NotVisible
from services.entries.store.people import is_known


async def check_known(connection: asyncpg.Connection, person: str, actor: str) -> None:
    """Raise `NotVisible` if the actor acts for somebody else whom nobody knows: a mistyped `sub`
    would become a person with weeks."""
    if actor != person and not await is_known(connection, person):
        raise NotVisible("There is no such person.")
