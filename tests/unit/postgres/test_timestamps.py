"""Timestamps are what asyncpg's own codec makes of them, to the microsecond."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import asyncpg
import pytest

from libs.postgres.pool import Database

TIMES = (
    datetime(2026, 11, 27, 14, 20, 35, 377216, tzinfo=UTC),
    datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    datetime(2026, 11, 27, 3, tzinfo=timezone(timedelta(hours=-9, minutes=-30))),
)


@pytest.mark.parametrize("time", TIMES, ids=str)
async def test_a_timestamp_is_read_as_it_was_written(db: Database, time: datetime) -> None:
    async with db.connection() as connection:
        text, read = await connection.fetchrow(
            "SELECT to_char($1::timestamptz, 'YYYY-MM-DD HH24:MI:SS.US'), $1::timestamptz", time
        )
    assert read == time
    assert read.tzinfo is UTC
    assert text == time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f").rjust(26, "0")


async def test_timestamps_in_an_array_and_missing_ones_are_read(db: Database) -> None:
    async with db.connection() as connection:
        read = await connection.fetchval("SELECT $1::timestamptz[]", [*TIMES, None])
    assert read == [*TIMES, None]


async def test_infinity_is_the_last_or_first_moment(db: Database) -> None:
    async with db.connection() as connection:
        read = await connection.fetchrow("SELECT 'infinity'::timestamptz, '-infinity'::timestamptz")
    assert tuple(read) == (datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC))


async def test_a_time_without_a_zone_is_refused(db: Database) -> None:
    async with db.connection() as connection:
        with pytest.raises(asyncpg.DataError):
            await connection.fetchval("SELECT $1::timestamptz", TIMES[0].replace(tzinfo=None))
