"""Property: an export can be uploaded elsewhere, as it is or by the uploader, and exported there
it has the same rows."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest

from batch.conversion import Conversion
from batch.external_ids import ExternalIds
from batch.failed_rows import FailedRows
from batch.formats import FORMATS, Context
from batch.formats import ours as uploader
from batch.maps import PeopleMap, ProjectMap
from batch.source import Source
from services.entries.app import create_app
from services.entries.batches.readers.rows import COLUMNS as ROW_FIELDS
from services.entries.batches.readers.rows import EXPORT_COLUMNS, EXPORT_MARKS
from services.entries.reports.store.entries import COLUMNS
from tests.api.entries.agency import CLIENT, CSV, NDJSON, Agency, learn
from tests.conftest import Databases, service_settings, serving
from tests.support.client import Reply, Service
from tests.support.clock import StandingClock
from tests.support.issuer import Issuer

PEOPLE = ("erin", "carl", "o'brien")
PROJECTS = ("APOLLO", "ZEUS", "a.b_c-1")
STARTS = [
    "",
    "=",
    "+",
    "-",
    "@",
    "'",
    "'=",
    "''=",
    '"',
    ",",
    "null",
    "true",
    "0",
    "é",
    "🦊",
    "_x000D_",
]
PARTS = [*STARTS, " ", "\n", "\r\n", "\t", "; ", "日本", "\u202e", "\\", "<b>", "{}"]
REPORT = "/v1/reports/entries?from=2026-10-01&to=2026-12-31"
SAME = ("person", "date", "project", "task", "minutes", "hours", "billable", "note", "week")


@pytest.fixture
async def elsewhere(
    databases: Databases, issuer: Issuer, session: aiohttp.ClientSession, clock: StandingClock
) -> AsyncIterator[tuple[Service, str]]:
    """The same service at another company, and its database."""
    url = databases.own("entries")
    settings = service_settings("entries", issuer, url)
    async with serving(create_app(settings), settings, issuer, session, clock) as running:
        yield running, url


async def set_up(url: str) -> None:
    connection = await asyncpg.connect(url)
    for person in PEOPLE:
        await learn(connection, person, email=f"{person}@exampleco.com", external_ids={})
    for number, code in enumerate(PROJECTS):
        query = "INSERT INTO projects (code, name, customer, billable) VALUES ($1, $2, '=C', $3)"
        await connection.execute(query, code, f"Project {number}", bool(number % 2))
    await connection.close()


def text(chance: random.Random, most: int) -> str:
    parts = [chance.choice(STARTS), *(chance.choice(PARTS) for _ in range(chance.randrange(6)))]
    return "".join(parts).strip()[:most].strip()


def random_rows(chance: random.Random, number: int) -> list[dict[str, Any]]:
    return [
        {
            "external_id": f"{chance.choice(['=', 'x', chr(39)])}{index}",
            "person": f"auth0|{chance.choice(PEOPLE)}",
            "date": f"2026-{chance.choice((10, 11))}-{chance.randrange(1, 29):02}",
            "project": chance.choice(PROJECTS),
            "minutes": chance.randrange(1, 60),
            "task": text(chance, 200) or None,
            "note": text(chance, 2000),
            "billable": chance.choice((True, False, None)),
        }
        for index in range(number)
    ]


def exported(reply: Reply) -> list[tuple[Any, ...]]:
    assert reply.status == 200, reply.body
    rows = map(json.loads, reply.body.splitlines())
    return sorted(tuple(str(row[name]) for name in SAME) for row in rows)


def converted(path: Path) -> bytes:
    """The body that the uploader makes of an export."""
    context = Context(PeopleMap(), ProjectMap())
    conversion = Conversion(Source(path), FORMATS["ours"], context).with_order(None)
    ids, failed = ExternalIds(), FailedRows()
    counts = conversion.scan(ids, failed, lambda _bytes: None)
    assert failed.kept == []
    assert counts.skipped == (1 if path.suffix == ".xlsx" else 0)
    body = conversion.body(ids, lambda _bytes: None)
    try:
        return gzip.decompress(b"".join(body.chunks()))
    finally:
        body.close()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("form", "kind"),
    [("csv", CSV), ("ndjson", NDJSON), ("csv", None), ("ndjson", None), ("xlsx", None)],
)
async def test_an_export_that_is_uploaded_elsewhere_gives_the_same_export(
    entries: Service,
    entries_database: str,
    elsewhere: tuple[Service, str],
    issuer: Issuer,
    seed: int,
    form: str,
    kind: str | None,
    tmp_path: Path,
) -> None:
    """With a `kind` the export is sent as it is, otherwise the uploader reads it."""
    other, other_database = elsewhere
    for url in (entries_database, other_database):
        await set_up(url)
    chance = random.Random(seed)
    uploaded = await Agency(entries, issuer).send(random_rows(chance, 120))
    assert (uploaded.json["created"], uploaded.json["failed"]) == (120, 0)
    erin = entries.caller("erin")
    for number in range(5):
        draft = {"date": f"2026-11-{number + 1:02}", "project": "ZEUS", "minutes": 5}
        assert (await erin.post("/v1/entries", {**draft, "note": text(chance, 99)})).status == 201
    payroll = entries.caller("payroll", "read:reports")
    file = (await payroll.get(f"{REPORT}&format={form}&bom=true")).body
    if kind is None:
        path = tmp_path / f"export.{form}"
        path.write_bytes(file)
        file, kind = converted(path), NDJSON
    batch = await Agency(other, issuer, CLIENT).send(file, kind=kind)
    errors = (await Agency(other, issuer).caller.get(batch.json["errors"])).json["items"]
    assert (batch.json["created"], errors) == (125, [])
    there = other.caller("payroll", "read:reports")
    assert exported(await there.get(f"{REPORT}&format=ndjson")) == exported(
        await payroll.get(f"{REPORT}&format=ndjson")
    )
    again = await Agency(other, issuer).send(file, kind=kind)
    assert again.json["unchanged"] == 125
    table = (await there.get(REPORT)).body.decode()
    cells = [cell for row in csv.reader(io.StringIO(table, newline="")) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_the_upload_knows_every_column_of_the_export() -> None:
    names = {column.name for column in COLUMNS}
    assert names - set(ROW_FIELDS) == EXPORT_COLUMNS == uploader.EXPORT_COLUMNS
    assert set(ROW_FIELDS) == uploader.COLUMNS
    assert EXPORT_MARKS == uploader.EXPORT_MARKS
