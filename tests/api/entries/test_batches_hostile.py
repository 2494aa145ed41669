"""Files as they should not be: each gets a clear answer, none a 500, and none costs memory."""

from __future__ import annotations

import gzip
import json
import resource
import zlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest

from tests.api.entries.agency import CSV, NDJSON, Agency, learn, row
from tests.support.client import Caller, Service
from tests.support.issuer import Issuer

HEADER = "external_id,person,date,project,minutes,note"
GOOD = "a,auth0|erin,2026-11-23,APOLLO,60,"
MIB = 1024 * 1024
PROBLEM = "application/problem+json"

Body = bytes | Callable[[], AsyncIterator[bytes]]


@dataclass(frozen=True, slots=True)
class Hostile:
    """`told` is a code of the refusal or of an error of a row; () where the file is fine."""

    body: Body
    status: int
    codes: str = ""
    kind: str = CSV
    encoding: str = ""


def table(*rows: str, header: str = HEADER) -> bytes:
    return "\n".join((header, *rows)).encode()


def cell(**cells: str) -> bytes:
    """A file of one row, with these cells in the place of good ones."""
    good = dict(zip(HEADER.split(","), GOOD.split(","), strict=True)) | cells
    return table(",".join(good.values()), header=",".join(good))


def line(**fields: Any) -> bytes:
    return json.dumps(row(1, **fields)).encode()


def repeated(piece: bytes, times: int, head: bytes = b"") -> Callable[[], AsyncIterator[bytes]]:
    async def pieces() -> AsyncIterator[bytes]:
        yield head
        for _ in range(times):
            yield piece

    return pieces


def bomb(head: bytes, filling: bytes, size: int) -> bytes:
    """`size` bytes of filling behind the head, shrunk a thousandfold."""
    packer = zlib.compressobj(9, wbits=31)
    packed = packer.compress(head)
    block = filling * (MIB // len(filling))
    for _ in range(size // MIB):
        packed += packer.compress(block)
    return packed + packer.flush()


def gzip_cut_at_a_flush() -> bytes:
    """The first of two rows; what was flushed of the archive ends with a whole line."""
    packer = zlib.compressobj(wbits=31)
    first = packer.compress(line() + b"\n") + packer.flush(zlib.Z_FULL_FLUSH)
    packer.compress(line(external_id="second") + b"\n")
    return first


HOSTILE = {
    # Encodings
    "UTF-16 with a mark": Hostile(table(GOOD).decode().encode("utf-16"), 422, "encoding"),
    "UTF-16 without a mark": Hostile(table(GOOD).decode().encode("utf-16-le"), 422, "unknown"),
    "UTF-32": Hostile(table(GOOD).decode().encode("utf-32"), 422, "encoding"),
    "Latin-1": Hostile(table(f"{GOOD}é").decode().encode("latin-1"), 422, "encoding"),
    "a character cut off": Hostile(table(f"{GOOD}é")[:-1], 422, "encoding"),
    "overlong UTF-8": Hostile(table(GOOD) + b"\xc0\xaf", 422, "encoding"),
    "a surrogate in UTF-8": Hostile(table(GOOD) + b"\xed\xa0\x80", 422, "encoding"),
    "a surrogate in JSON": Hostile(line(note="x").replace(b'"x"', b'"\\ud800"'), 201, "*", NDJSON),
    "JSON that is not UTF-8": Hostile(
        line(note="x").replace(b"x", b"\xff"), 422, "encoding", NDJSON
    ),
    "a charset of its own": Hostile(table(GOOD), 415, kind="text/csv; charset=latin-1"),
    # Characters
    "a NUL in CSV": Hostile(cell(note="a\0b"), 201, "invalid"),
    "a NUL in JSON": Hostile(line(external_id="a\0b"), 201, "invalid", NDJSON),
    "a raw NUL in JSON": Hostile(b'{"external_id": "\0"}', 201, "json", NDJSON),
    "only NULs": Hostile(b"\0" * 1000, 422, "unknown"),
    "a control character": Hostile(cell(note="\x1b[31mred"), 201, "invalid"),
    "a NUL in a field's name": Hostile(line(**{"a\0b": 1}), 201, "unknown", NDJSON),
    # Sizes
    "a line of 100 MB": Hostile(repeated(b"x" * MIB, 100, b"external_id"), 413),
    "a JSON line of 100 MB": Hostile(repeated(b"x" * MIB, 100, b'{"a":"'), 413, kind=NDJSON),
    "a billion columns": Hostile(repeated(b"," * MIB, 1000, HEADER.encode()), 413),
    "a thousand columns": Hostile(("," * 1000).encode() + b"x\n", 422, "columns"),
    "a thousand cells": Hostile(table(GOOD + "," * 1000), 201, "columns"),
    "a note of 60,000": Hostile(cell(note="x" * 60_000), 201, "invalid"),
    "a number of 10,000 digits": Hostile(
        line().replace(b"60", b"9" * 10_000), 201, "*", NDJSON
    ),
    "JSON nested 20,000 deep": Hostile(b"[" * 20_000, 201, "json", NDJSON),
    "a field nested deep": Hostile(b'{"a":' * 9_000 + b"1" + b"}" * 9_000, 201, "*", NDJSON),
    "a thousand unknown fields": Hostile(
        json.dumps({f"f{n}": n for n in range(1000)}).encode(), 201, "unknown", NDJSON
    ),
    "a zip bomb of one line": Hostile(bomb(b"", b"0", 256 * MIB), 413, encoding="gzip"),
    "a zip bomb of rows": Hostile(
        bomb(b"", b"{}" + b" " * 16_382 + b"\n", 64 * MIB), 413, kind=NDJSON, encoding="gzip"
    ),
    "a zip bomb of blank lines": Hostile(
        bomb(b"", b"\n", 64 * MIB), 413, kind=NDJSON, encoding="gzip"
    ),
    # Packing
    "not gzip at all": Hostile(b"\x00\x01\x02\x03" * 100, 400, encoding="gzip"),
    "gzip that is not said": Hostile(gzip.compress(table(GOOD)), 422, "encoding"),
    "gzip with a wrong sum": Hostile(
        gzip.compress(table(GOOD))[:-8] + b"\0" * 8, 400, encoding="gzip"
    ),
    "gzip cut at a flush": Hostile(gzip_cut_at_a_flush(), 400, "", NDJSON, "gzip"),
    "gzip cut in the middle": Hostile(gzip.compress(table(GOOD))[:40], 400, encoding="gzip"),
    "gzip without its trailer": Hostile(gzip.compress(table(GOOD))[:-8], 400, encoding="gzip"),
    "gzip without a byte of its trailer": Hostile(
        gzip.compress(table(GOOD))[:-1], 400, encoding="gzip"
    ),
    "nothing at all as gzip": Hostile(b"", 400, encoding="gzip"),
    "gzip of nothing": Hostile(gzip.compress(b""), 422, "empty", NDJSON, "gzip"),
    "garbage behind gzip": Hostile(gzip.compress(table(GOOD)) + b"x", 400, encoding="gzip"),
    "padded gzip": Hostile(gzip.compress(table(GOOD)) + b"\0" * 9, 201, encoding="gzip"),
    "gzip by its old name": Hostile(gzip.compress(table(GOOD)), 201, encoding="x-gzip"),
    "brotli": Hostile(table(GOOD), 415, encoding="br"),
    "zstd": Hostile(table(GOOD), 415, encoding="zstd"),
    "two codings": Hostile(gzip.compress(table(GOOD)), 415, encoding="gzip, gzip"),
    "compress": Hostile(table(GOOD), 415, encoding="compress"),
    "deflate": Hostile(zlib.compress(table(GOOD)), 415, encoding="deflate"),
    # Types
    "multipart": Hostile(b"--x\r\n\r\n--x--", 415, kind="multipart/form-data; boundary=x"),
    "JSON instead of lines": Hostile(b"[]", 415, kind="application/json"),
    "no type": Hostile(table(GOOD), 415, kind="application/octet-stream"),
    "empty NDJSON": Hostile(b"", 422, "empty", NDJSON),
    "blank NDJSON": Hostile(b"\n \n", 422, "empty", NDJSON),
    "a repeated name": Hostile(line()[:-1] + b', "minutes": 20}', 201, "json", NDJSON),
    "a repeated name with spaces": Hostile(line()[:-1] + b', "minutes" : 20}', 201, "json", NDJSON),
    "a repeated name, escaped": Hostile(
        line()[:-1] + b', "\\u006dinutes": 20}', 201, "json", NDJSON
    ),
    "a note like a name": Hostile(line(note='":" "minutes":5'), 201, "", NDJSON),
    "a list for a line": Hostile(b"[1, 2]", 201, "json", NDJSON),
    "a text for a line": Hostile(b'"text"', 201, "json", NDJSON),
    "half a line": Hostile(b'{"external_id": "a"', 201, "json", NDJSON),
    "CSV said to be JSON": Hostile(table(GOOD), 201, "json", NDJSON),
    # CSV
    "nothing": Hostile(b"", 422, "empty"),
    "blank lines": Hostile(b"\n\n\n", 422, "empty"),
    "no header": Hostile(GOOD.encode(), 422, "unknown"),
    "an unknown column": Hostile(table(f"{GOOD},x", header=f"{HEADER},salary"), 422, "unknown"),
    "a column twice": Hostile(table(f"{GOOD},x", header=f"{HEADER},note"), 422, "repeated"),
    "a column missing": Hostile(table("a,b", header="external_id,person"), 422, "required"),
    "semicolons": Hostile(
        table(GOOD, header=HEADER).replace(b",", b";"), 422, "unknown"
    ),
    "a quote never closed": Hostile(table(GOOD, '"b,auth0|erin'), 422, "csv"),
    "a quote never closed in much": Hostile(
        table('"b,auth0|erin', *[GOOD] * 5000), 413
    ),
    "text behind a quote": Hostile(table('a,"b"c,2026-11-23,APOLLO,60,'), 201, "csv"),
    "old Macintosh lines": Hostile(table(GOOD).replace(b"\n", b"\r"), 422, "*"),
    "too few cells": Hostile(table("a,b"), 201, "columns"),
    # Values
    "negative minutes": Hostile(cell(minutes="-60"), 201, "invalid"),
    "half a minute": Hostile(cell(minutes="0.5"), 201, "invalid"),
    "a fullwidth number": Hostile(cell(minutes="\uff16\uff10"), 201, "*"),
    "minutes as a truth": Hostile(line(minutes=True), 201, "invalid", NDJSON),
    "negative hours": Hostile(line(minutes=None, hours=-1), 201, "invalid", NDJSON),
    "NaN hours": Hostile(line(minutes=None, hours=float("nan")), 201, "json", NDJSON),
    "NaN in words": Hostile(line(minutes=None, hours="NaN"), 201, "invalid", NDJSON),
    "endless hours": Hostile(line(minutes=None, hours="1e400"), 201, "invalid", NDJSON),
    "61 minutes an hour": Hostile(line(minutes=None, hours="1:61"), 201, "invalid", NDJSON),
    "25 hours": Hostile(line(minutes=None, hours="25:00"), 201, "invalid", NDJSON),
    "hours of a program": Hostile(line(minutes=None, hours=1 / 60), 201, "", NDJSON),
    "hours of a program as a text": Hostile(
        line(minutes=None, hours="0.016666666666666666"), 201, "", NDJSON
    ),
    "hours as long as they come": Hostile(cell(minutes="", hours="7.933333333333334"), 201),
    "minutes of pandas": Hostile(line(minutes=90.0), 201, "", NDJSON),
    "minutes of pandas in CSV": Hostile(cell(minutes="90.0"), 201),
    "hours and minutes that differ": Hostile(line(hours=2), 201, "contradiction", NDJSON),
    "year 0": Hostile(cell(date="0000-01-01"), 201, "invalid"),
    "year 1": Hostile(cell(date="0001-01-01"), 201, "invalid"),
    "year 99999": Hostile(cell(date="99999-01-01"), 201, "invalid"),
    "year 9999": Hostile(cell(date="9999-12-31"), 201, "invalid"),
    "30 February": Hostile(cell(date="2026-02-30"), 201, "invalid"),
    "an American date": Hostile(cell(date="11/23/2026"), 201, "invalid"),
    "a moment for a day": Hostile(cell(date="2026-11-23T10:00:00Z"), 201, "invalid"),
    "a day as a number": Hostile(line(date=20261123), 201, "invalid", NDJSON),
    "a project like SQL": Hostile(cell(project="x'; DROP TABLE entries"), 201, "invalid"),
    "a person like SQL": Hostile(cell(person="' OR 1=1 --"), 201, "unknown_person"),
    "a person that is a pattern": Hostile(cell(person="%"), 201, "unknown_person"),
    "a person with format marks": Hostile(cell(person="%s%n%1$s"), 201, "unknown_person"),
    "a formula": Hostile(cell(note="=HYPERLINK(\"http://x\")".replace('"', "'")), 201),
    "a blank external id": Hostile(cell(external_id="   "), 201, "required"),
}  # fmt: skip


@pytest.fixture
async def agency(entries: Service, issuer: Issuer, erin: Caller, entries_database: str) -> Agency:
    del erin  # only that the projects are there
    connection = await asyncpg.connect(entries_database)
    await learn(connection, "erin")
    await connection.close()
    return Agency(entries, issuer)


def test_there_are_enough_of_them() -> None:
    assert len(HOSTILE) >= 50


async def test_every_hostile_file_is_rejected_with_its_error(agency: Agency) -> None:
    wrong: dict[str, object] = {}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name, file in HOSTILE.items():
        body: Any = file.body if isinstance(file.body, bytes) else file.body()
        headers = {"Content-Type": file.kind, "Idempotency-Key": name}
        if file.encoding:
            headers["Content-Encoding"] = file.encoding
        reply = await agency.caller.post("/v1/batches?dry_run=true", data=body, headers=headers)
        codes = {"*"} if reply.status != 422 else {code for _, code in reply.codes} | {"*"}
        if reply.status == 201:
            headers.pop("Content-Encoding", None)
            codes = {code for _, _, code in await agency.errors(reply)}
            codes = codes | {"*"} if codes else {""}
        if reply.status >= 400 and not reply.headers["Content-Type"].startswith(PROBLEM):
            wrong[name] = reply.headers["Content-Type"]
        if reply.status != file.status or (file.status in (201, 422) and file.codes not in codes):
            wrong[name] = (reply.status, sorted(codes), reply.body[:200])
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert wrong == {}
    assert grown < 64
