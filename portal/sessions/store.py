"""The SQL of sessions and pending sign-ins."""

from __future__ import annotations

from datetime import datetime

import asyncpg

INSERT = """
INSERT INTO sessions (id, person, sealed, renew_at, created_at, used_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $5, $6)
"""
READ = """
SELECT sealed, created_at, used_at FROM sessions
WHERE id = $1 AND expires_at > $2 AND used_at > $3
"""
LOCK = f"{READ} FOR UPDATE"
TOUCH = "UPDATE sessions SET used_at = $2 WHERE id = $1 AND used_at < $2"
RESEAL = "UPDATE sessions SET sealed = $2, renew_at = $3 WHERE id = $1"
DELETE = "DELETE FROM sessions WHERE id = $1"
EXPIRE = "DELETE FROM sessions WHERE expires_at <= $1"

INSERT_SIGN_IN = "INSERT INTO sign_ins (state, sealed, expires_at) VALUES ($1, $2, $3)"
TAKE_SIGN_IN = "DELETE FROM sign_ins WHERE state = $1 AND expires_at > $2 RETURNING sealed"
EXPIRE_SIGN_INS = "DELETE FROM sign_ins WHERE expires_at <= $1"


async def take_sign_in(connection: asyncpg.Connection, state: bytes, now: datetime) -> bytes | None:
    """Remove the pending sign-in, so that it is good once."""
    sealed: bytes | None = await connection.fetchval(TAKE_SIGN_IN, state, now)
    return sealed


async def delete_expired(connection: asyncpg.Connection, now: datetime) -> None:
    """Delete sessions and pending sign-ins that ended before `now`."""
    await connection.execute(EXPIRE, now)
    await connection.execute(EXPIRE_SIGN_INS, now)
