"""Records are decoded by the names of their columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple

import asyncpg
import msgspec
import pytest

from libs.postgres.records import RecordType, assignments, placeholders, values_of
from libs.rules.calendar import Week
from tests.conftest import Databases


class Colour(StrEnum):
    RED = "red"


class Part(msgspec.Struct, frozen=True):
    name: str


@dataclass(frozen=True, slots=True)
class Thing:
    name: str
    nickname: str | None
    colour: Colour | None
    tags: tuple[str, ...]
    by_day: Mapping[date, int]
    part: Part | None
    week: Week
    version: int = 7


class Pair(NamedTuple):
    first: str
    second: str


THINGS = RecordType(
    Thing,
    table="thing",
    expressions={"week": "thing.monday"},
    omit=("version",),
    converters={Week: Week},
)

ROW = """
    (SELECT 'x' AS name, 'y' AS nickname, 'red' AS colour, '{a,b}'::text[] AS tags,
            '{"2026-11-23": 60}'::jsonb AS by_day, '{"name": "wheel"}'::json AS part,
            date '2026-11-23' AS monday) AS thing
"""


@pytest.fixture
def database(databases: Databases) -> str:
    return databases.shared("profile")


async def fetch(url: str, statement: str) -> asyncpg.Record:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchrow(statement)
    finally:
        await connection.close()


async def test_each_field_is_decoded_to_its_type(database: str) -> None:
    record = await fetch(database, f"SELECT {THINGS.columns} FROM {ROW}")

    assert THINGS.decode(record) == Thing(
        "x",
        "y",
        Colour.RED,
        ("a", "b"),
        {date(2026, 11, 23): 60},
        Part("wheel"),
        Week.of(date(2026, 11, 23)),
    )


async def test_the_order_of_columns_does_not_matter(database: str) -> None:
    record = await fetch(database, "SELECT 'b' AS second, 'a' AS first, 1 AS other")

    assert RecordType(Pair).decode(record) == Pair("a", "b")


async def test_null_is_none_whatever_the_type(database: str) -> None:
    nothing = "NULL::json AS part, NULL AS colour, NULL AS nickname"
    columns = f"'x' AS name, '{{}}'::text[] AS tags, '{{}}'::json AS by_day, {nothing}"
    record = await fetch(database, f"SELECT {columns}, date '2026-11-23' AS week")
    decoded = THINGS.decode(record)

    assert (decoded.part, decoded.colour, decoded.nickname, decoded.by_day) == (
        None,
        None,
        None,
        {},
    )


async def test_a_missing_column_is_an_error(database: str) -> None:
    record = await fetch(database, "SELECT 'a' AS first")

    with pytest.raises(KeyError):
        RecordType(Pair).decode(record)


def test_columns_are_the_fields_in_order() -> None:
    assert RecordType(Pair, table="pair").columns == "pair.first, pair.second"
    assert THINGS.columns.endswith("thing.part, thing.monday AS week")
    assert "version" not in THINGS.names


def test_statements_that_write_are_put_together_from_names() -> None:
    assert placeholders(["a", "b"], first=2) == "$2, $3"
    assert assignments(["a", "b"]) == "a = $1, b = $2"
    thing = Thing("x", None, Colour.RED, ("a",), {date(2026, 11, 23): 1}, None, Week(date.min))
    assert values_of(thing, ["name", "tags", "by_day"]) == ("x", ["a"], '{"2026-11-23":1}')
