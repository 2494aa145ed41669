"""The plans that PostgreSQL makes of the services' statements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import asyncpg

RUNS = 6


async def explain(
    connection: asyncpg.Connection,
    statement: str,
    arguments: Sequence[object] = (),
    options: str = "ANALYZE, BUFFERS, TIMING OFF",
) -> Any:
    """The lines of the plan that a service gets, or what the FORMAT of `options` says.

    A service prepares its statements and runs each many times. From the sixth time on PostgreSQL
    may use a plan for all arguments, if it expects that to cost no more than one for these."""
    prepared = await connection.prepare(statement)
    types = [parameter.name for parameter in prepared.get_parameters()]
    literals = [
        await connection.fetchval(f"SELECT quote_nullable($1::{type_}::text)", argument)
        for type_, argument in zip(types, arguments, strict=True)
    ]
    values = f"({', '.join(literals)})" if literals else ""
    await connection.execute(f"PREPARE explained AS {statement}")
    for _ in range(RUNS):
        rows = await connection.fetch(f"EXPLAIN ({options}) EXECUTE explained {values}")
    await connection.execute("DEALLOCATE explained")
    return rows[0][0] if "FORMAT" in options else "\n".join(row[0] for row in rows)
