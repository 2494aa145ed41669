"""What entries knows of people."""

from __future__ import annotations

import asyncpg

from services.entries.model import DEFAULT_TARGET_MINUTES


async def read_target(_connection: asyncpg.Connection, _person: str) -> int:
    """The minutes a week that the person means to work."""
    return DEFAULT_TARGET_MINUTES
