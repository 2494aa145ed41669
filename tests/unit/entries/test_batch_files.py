"""Reading files piece by piece: the same rows however the pieces are cut."""

from __future__ import annotations

import gzip
import json
import random
import tracemalloc
import unicodedata

import pytest

from libs.web.concurrency import ConcurrencyLimit
from libs.web.problems import BadRequest, TooManyRequests
from services.entries.batches.api.request_body import Gunzip
from services.entries.batches.model import RowError, StagedRow
from services.entries.batches.readers.csv_reader import CsvReader
from services.entries.batches.readers.hours import minutes_of
from services.entries.batches.readers.lines import Reader
from services.entries.batches.readers.ndjson_reader import NdjsonReader, has_unique_names

CSV = (
    "\ufeffNote,external_id,person,date,project,hours,billable\r\n"
    '"on ""two""\nlines",a,erin,2026-11-23,APOLLO,1:30,yes\r\n'
    "\r\n"
    ' ,b ,"x"y,2026-11-23,APOLLO,2,\n'
    ",c,erin,2026-11-23,APOLLO,0.675,\n"
    f"{unicodedata.normalize('NFD', 'späte Schicht')},d,erin,2026-11-24,APOLLO,.5,false"
).encode()
OBJECTS = [
    {"external_id": "a", "person": "erin", "date": "2026-11-23", "project": "P", "minutes": 5},
    {"external_id": " b ", "person": "erin", "date": "2026-11-23", "project": "P", "hours": 1.5},
    {"external_id": "c", "person": "erin", "date": "2026-11-23", "project": "P", "minutes": 1.5},
    {"external_id": "d", "person": "è", "date": "2026-11-23", "project": "P", "hours": "2:00"},
]
NDJSON = b"\n\n".join(json.dumps(each).encode() for each in OBJECTS)


def read(reader: Reader, data: bytes, size: int) -> tuple[list[StagedRow], list[RowError], int]:
    valid: list[StagedRow] = []
    errors: list[RowError] = []
    rows = 0
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    steps = [step for piece in pieces for step in reader.feed(piece)]
    for parsed in (*steps, *reader.finish()):
        valid += parsed.valid
        errors += parsed.errors
        rows += parsed.rows
    return valid, errors, rows


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 10_000])
def test_csv_is_read_the_same_however_it_is_cut(size: int) -> None:
    valid, errors, rows = read(CsvReader(), CSV, size)
    assert [(row.line, row.external_id, row.minutes, row.billable) for row in valid] == [
        (2, "a", 90, True),
        (6, "c", 41, None),
        (7, "d", 30, False),
    ]
    assert [row.note for row in valid] == ['on "two"\nlines', "", "späte Schicht"]
    assert [(error.line, error.code) for error in errors] == [(5, "csv")]
    assert rows == 4


@pytest.mark.parametrize("size", [1, 5, 10_000])
def test_json_lines_are_read_the_same_however_they_are_cut(size: int) -> None:
    valid, errors, rows = read(NdjsonReader(), NDJSON, size)
    assert [(row.line, row.external_id, row.minutes) for row in valid] == [
        (1, "a", 5),
        (3, "b", 90),
        (7, "d", 120),
    ]
    assert [(error.line, error.field) for error in errors] == [(5, "minutes")]
    assert rows == 4


A, B, C = (json.dumps(OBJECTS[0]).replace('"a"', f'"{key}"') for key in "abc")
HALVES = A.replace(", ", ",\n", 1)


@pytest.mark.parametrize(
    ("text", "valid", "broken"),
    [
        (f"{A}\n{B}\n{C}\n", [1, 2, 3], []),
        (f"{A}\r\n{B} \n{C}\r\n", [1, 2, 3], []),
        (f"{A}\n\n{B}", [1, 3], []),
        (f"{A}{B}\n\n{C}", [3], [1]),
        (f"{A}\n{B} {C}\n\n", [1], [2]),
        (f"{HALVES}\n{B}{C}", [], [1, 2, 3]),
        (f"{A}\n{HALVES}{C}\n", [1], [2, 3]),
        (f'{A}\n{B[:-1]}, "minutes": 6}}\n{C}', [1, 3], [2]),
        (f"{A}\n[{B}]\n{C}", [1, 3], [2]),
    ],
)
def test_each_line_is_an_object_of_its_own(text: str, valid: list[int], broken: list[int]) -> None:
    rows, errors, _ = read(NdjsonReader(), text.encode(), 10_000)
    assert [row.line for row in rows] == valid
    assert [error.line for error in errors] == broken


def object_with_some_names_repeated(chance: random.Random) -> str:
    colon, comma = chance.choice((":", ": ", " :", "\t: ")), chance.choice((",", ", "))
    texts = ("x", "9:30", 'say "no": no', '"task" : 1', "\\", 'a":', "{}", "é: ")
    members = [
        *(("external_id", "a"), ("person", "erin"), ("date", "2026-11-23"), ("project", "P")),
        *chance.choice(([("minutes", 5)], [("hours", "1:30")], [("hours", 1.5), ("minutes", 90)])),
        *chance.sample([("task", chance.choice(texts)), ("note", chance.choice(texts))], 2),
    ][: chance.choice((5, 6, 7, 8))]
    for _ in range(chance.choice((0, 0, 1, 2))):
        name, value = chance.choice(members)
        members.insert(chance.randrange(len(members) + 1), (name, value))
    chance.shuffle(members)
    shown = (
        f"{json.dumps(name)}{chance.choice((colon, ':'))}"
        f"{json.dumps(value, ensure_ascii=chance.random() < 0.5)}"
        for name, value in members
    )
    return f"{{{comma.join(shown)}}}"


def test_an_object_that_repeats_a_name_is_never_accepted_and_every_other_one_is() -> None:
    chance = random.Random(15)
    lines = [object_with_some_names_repeated(chance) for _ in range(5000)]
    pairs = [json.loads(line, object_pairs_hook=list) for line in lines]
    names = [[name for name, _value in members] for members in pairs]
    repeating = [len(set(each)) < len(each) for each in names]
    assert {True, False} == set(repeating)

    valid, errors, _rows = read(NdjsonReader(), "\n".join(lines).encode(), 10_000)

    repeated = [line for line, repeats in enumerate(repeating, start=1) if repeats]
    assert [error.line for error in errors if "is repeated" in error.message] == repeated
    assert not {row.line for row in valid} & set(repeated)
    assert {row.line for row in valid} | {error.line for error in errors} == set(
        range(1, len(lines) + 1)
    )
    counted = [
        has_unique_names(line, len(set(each))) for line, each in zip(lines, names, strict=True)
    ]
    assert not any(unique and repeats for unique, repeats in zip(counted, repeating, strict=True))
    assert sum(counted) > len(lines) / 4  # most of the others need no second look


@pytest.mark.parametrize(
    ("hours", "minutes"),
    [
        ("1:30", 90),
        ("0:05", 5),
        ("1.5", 90),
        (1, 60),
        (0.1, 6),
        ("0.008", 0),
        ("0.0083", 0),
        ("0.00834", 1),
        (1.675, 101),
        ("24", 1440),
    ],
)
def test_hours_become_the_nearest_minute_half_up(hours: str | float, minutes: int) -> None:
    assert minutes_of(hours) == minutes


@pytest.mark.parametrize(
    "hours", ["", "-1", "1:60", "1,5", "1h", "NaN", "1e3", float("inf"), "1:5"]
)
def test_what_is_no_hours_is_refused(hours: str | float) -> None:
    with pytest.raises(ValueError, match="Enter hours"):
        minutes_of(hours)


def test_gzip_is_unpacked_in_small_pieces_of_one_member_or_several() -> None:
    packed = gzip.compress(b"x" * 10_000_000) + gzip.compress(b"end") + b"\0\0"
    unpack = Gunzip()
    tracemalloc.start()
    total = sum(len(piece) for byte in (packed,) for piece in unpack.feed(byte))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    unpack.finish()
    assert total == 10_000_003
    assert peak < 1_000_000


@pytest.mark.parametrize("cut", [5, 20, 40])
def test_gzip_that_is_cut_off_is_not_taken_for_a_whole_file(cut: int) -> None:
    packed = gzip.compress(bytes(range(256)) * 10)
    unpack = Gunzip()
    for _ in unpack.feed(packed[:-cut]):
        pass
    with pytest.raises(BadRequest, match="cut off"):
        unpack.finish()


def test_every_minute_that_a_program_divides_comes_back() -> None:
    assert [minutes_of(minutes / 60) for minutes in range(1, 1441)] == [*range(1, 1441)]
    assert [minutes_of(repr(minutes / 60)) for minutes in range(1, 1441)] == [*range(1, 1441)]


class Sender:
    """A holder of a slot."""

    def __init__(self, *, is_slow: bool) -> None:
        self.is_slow = is_slow
        self.was_read = False

    def give_up(self) -> None:
        self.was_read = True


def test_the_last_slots_are_for_callers_without_one() -> None:
    limit = ConcurrencyLimit(each=2, total=4, reserved=2)
    with limit.slot("a"), limit.slot("a"):
        with limit.slot("b"), pytest.raises(TooManyRequests), limit.slot("b"):
            pass
        with limit.slot("b"), limit.slot("c"), pytest.raises(TooManyRequests), limit.slot("d"):
            pass


def test_a_caller_without_a_slot_gets_that_of_a_slow_one() -> None:
    limit = ConcurrencyLimit(each=1, total=2)
    quick, slow = Sender(is_slow=False), Sender(is_slow=True)
    with limit.slot("a") as first, limit.slot("b") as second:
        first.work, second.work = quick, slow
        with pytest.raises(TooManyRequests), limit.slot("a"):
            pass
        assert not slow.was_read
        with limit.slot("c"):
            assert (quick.was_read, slow.was_read) == (False, True)
            with pytest.raises(TooManyRequests), limit.slot("d"):
                pass
    with limit.slot("b"), limit.slot("d"):
        pass


def test_a_slot_is_free_again_when_its_holder_is_done() -> None:
    limit = ConcurrencyLimit(each=1, total=2)
    with limit.slot("a"), limit.slot("b"):
        for client in ("a", "c"):
            with pytest.raises(TooManyRequests), limit.slot(client):
                pass
    with limit.slot("a"):
        pass
