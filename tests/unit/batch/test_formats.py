"""Each format, from a file in its columns to the rows that are sent."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from batch.conversion import Conversion, Tally
from batch.dates import DateOrder
from batch.formats import FORMATS, Context
from batch.identity import Identities
from batch.maps import People, Projects
from batch.outcome import Misuse
from batch.refusals import Refusals
from batch.rows import Row
from batch.source import Source

CLOCKIFY = (
    '"Project","Client","Description","Task","User","Group","Email","Tags","Billable",'
    '"Start Date","Start Time","End Date","End Time","Duration (h)","Duration (decimal)",'
    '"Billable Rate (USD)","Billable Amount (USD)"\n'
)
HARVEST = (
    "Date,Client,Project,Project Code,Task,Notes,Hours,Billable?,Invoiced?,Approved?,First Name,"
    "Last Name,Roles,Employee?,Billable Rate,Billable Amount,Cost Rate,Cost Amount,Currency,"
    "External Reference URL\n"
)
TOGGL = (
    "\ufeffUser,Email,Client,Project,Task,Description,Billable,Start date,Start time,End date,"
    "End time,Duration,Tags,Amount (EUR)\n"
)

Write = Callable[[str, str], Path]


@dataclass(frozen=True)
class Converted:
    rows: list[Row]
    tally: Tally
    refused: list[tuple[int, str, str]]

    @property
    def left_out(self) -> list[tuple[int, str]]:
        return [(it.line, it.reason) for it in self.tally.first_left_out]


def convert(
    path: Path,
    form: str,
    *,
    order: DateOrder | None = None,
    people: dict[str, str] | None = None,
    projects: dict[str, str] | None = None,
    encoding: str = "utf-8",
) -> Converted:
    """`projects` maps names, whatever the client."""
    codes = {f"\n{name.casefold()}": code for name, code in (projects or {}).items()}
    persons = {name.casefold(): person for name, person in (people or {}).items()}
    context = Context(People(persons), Projects(codes))
    conversion = Conversion(Source(path, encoding), FORMATS[form], context).with_order(order)
    identities, refusals = Identities(form), Refusals()
    tally = conversion.survey(identities, refusals, lambda _bytes: None)
    body = conversion.body(identities, lambda _bytes: None)
    rows = list(read_rows(body.chunks()))
    body.close()
    refused = [(it.line, it.field, it.message) for it in refusals.kept]
    return Converted(rows, tally, refused)


def read_rows(chunks: Iterator[bytes]) -> Iterator[Row]:
    for line in gzip.decompress(b"".join(chunks)).splitlines():
        yield Row(**json.loads(line))


def test_clockify_with_twelve_hour_clocks_and_months_first(write: Write) -> None:
    path = write(
        "c.csv",
        CLOCKIFY + '"BIG-WEB","Big","Pairing","Build","Ann","","ann@x.test","","Yes","03/14/2026",'
        '"11:30:15 PM","03/14/2026","11:59:45 PM","00:29:30","0.49","1.00","2.00"\n',
    )
    found = convert(path, "clockify")
    (row,) = found.rows
    assert (row.person, row.date, row.project, row.minutes) == (
        "ann@x.test",
        "2026-03-14",
        "BIG-WEB",
        30,
    )
    assert (row.task, row.note, row.billable) == ("Build", "Pairing", True)
    assert found.tally.rounded == 1


def test_clockify_without_a_duration_column_counts_from_start_to_end(write: Write) -> None:
    path = write(
        "c.csv",
        '"Project","Description","Task","User","Group","Email","Start Date","Start Time",'
        '"End Date","End Time","Client"\n'
        '"WEB","late","","Ann","","ann@x.test","2026-03-14","10:23 PM",'
        '"2026-03-15","01:23:29 AM"\n',
    )
    found = convert(path, "clockify")
    assert [(row.minutes, row.date, row.billable) for row in found.rows] == [
        (180, "2026-03-14", None)
    ]
    assert (found.tally.over_midnight, found.tally.short) == (1, 1)


def test_an_entry_that_ends_at_midnight_does_not_run_over_it(write: Write) -> None:
    path = write(
        "t.csv",
        TOGGL + "A,a@x.test,,WEB,,,No,2026-03-14,23:00:00,2026-03-15,00:00:00,01:00:00,,\n",
    )
    assert convert(path, "toggl").tally.over_midnight == 0


def test_an_end_before_the_start_is_told(write: Write) -> None:
    path = write(
        "c.csv",
        "Project,User,Group,Email,Start Date,Start Time,End Time\n"
        "WEB,A,,a@x.test,2026-03-14,22:00,01:00\n",
    )
    ((line, field, message),) = convert(path, "clockify").refused
    assert (line, field) == (2, "minutes")
    assert "ends before it begins" in message


def test_harvest_with_decimal_commas_and_names_from_a_table(write: Write) -> None:
    path = write(
        "h.csv",
        HARVEST
        + '2026-03-04,Big,Website,,Dev,"said ""hi"", twice","1,5",No,No,No,Ann,Lee,,Yes,"1,0",'
        '"1,0","0,0","0,0",Euro - EUR,\n'
        "2026-03-04,Big,Shop,SHOP-1,Dev,,0.01,Yes,No,No,Ann,Lee,,Yes,1,1,0,0,Euro - EUR,\n",
    )
    found = convert(path, "harvest", people={"Ann Lee": "ann@x.test"}, projects={"Website": "WEB"})
    assert [(row.person, row.project, row.minutes, row.billable) for row in found.rows] == [
        ("ann@x.test", "WEB", 90, False),
        ("ann@x.test", "SHOP-1", 1, True),
    ]
    assert found.rows[0].note == 'said "hi", twice'


def test_toggl_with_a_byte_order_mark_and_an_emoji(write: Write) -> None:
    path = write(
        "t.csv",
        TOGGL
        + "Ann,ann@x.test,,WEB,,🔥 fire,No,2026-03-04,10:23:52,2026-03-04,10:23:52,00:00:00,x,\n"
        "Ann,ann@x.test,,WEB,T,🔥 fire,Yes,2026-03-04,10:00:00,2026-03-04,11:00:30,01:00:30,,1\n",
    )
    found = convert(path, "toggl")
    assert [(row.minutes, row.note, row.task) for row in found.rows] == [(61, "🔥 fire", "T")]
    assert found.left_out == [(2, "Its duration is zero.")]


def test_newer_toggl_columns_are_known(write: Write) -> None:
    path = write(
        "t.csv",
        "Description,Duration,Member,Email,Project,Tags,Start date,Start time,Stop date,Stop time\n"
        "x,0:45:00,Ann,ann@x.test,WEB,-,2026-03-04,10:00,2026-03-04,10:45\n",
    )
    assert [row.minutes for row in convert(path, "toggl").rows] == [45]


def test_less_than_half_a_minute_is_left_out_and_told(write: Write) -> None:
    path = write(
        "t.csv", TOGGL + "A,a@x.test,,,,,No,2026-03-04,10:00:00,2026-03-04,10:00:29,00:00:29,,\n"
    )
    found = convert(path, "toggl")
    assert found.rows == []
    assert found.left_out == [(2, "It is shorter than half a minute.")]
    assert found.refused == []


def test_what_is_missing_is_told_with_its_remedy(write: Write) -> None:
    path = write(
        "h.csv",
        HARVEST
        + "2026-02-30,,A name of a project,,,,x,Maybe,No,No,Ann,Lee,,Yes,,,,,,\n"
        + "2026-02-03,,,,,,1,Yes,No,No,,,,Yes,,,,,,\n",
    )
    found = convert(path, "harvest").refused
    assert [(line, field) for line, field, _ in found] == [
        *((2, "person"), (2, "project"), (2, "date"), (2, "minutes")),
        *((3, "person"), (3, "project")),
    ]
    messages = " ".join(message for _, _, message in found)
    for part in ("--people", "--project-map", "no day 2026-02-30", "not a duration"):
        assert part in messages


@pytest.mark.parametrize(
    ("dates", "first"),
    [
        (("03/04/2026", "03/14/2026"), "2026-03-04"),
        (("03/04/2026", "14/03/2026"), "2026-04-03"),
        (("03.04.2026", "04.04.2026"), "2026-04-03"),
        (("2026-04-03", "2026/04/04"), "2026-04-03"),
        (("04/04/2026", "05/05/2026"), "2026-04-04"),
    ],
)
def test_the_whole_file_tells_the_order_of_day_and_month(
    write: Write, dates: tuple[str, str], first: str
) -> None:
    assert convert(toggl_on(write, *dates), "toggl").rows[0].date == first


def toggl_on(write: Write, *dates: str) -> Path:
    rows = (f"A,a@x.test,,WEB,,,No,{day},9:00,{day},10:00,1:00,,\n" for day in dates)
    return write("t.csv", TOGGL + "".join(rows))


def test_an_ambiguous_file_asks_for_the_order_and_takes_it(write: Write) -> None:
    path = toggl_on(write, "03/04/2026", "05/06/2026")
    with pytest.raises(Misuse, match=r"03/04/2026 in line 2 .*mdy if it is 4 March 2026, dmy if"):
        convert(path, "toggl")
    found = convert(path, "toggl", order=DateOrder.DAY_FIRST)
    assert [row.date for row in found.rows] == ["2026-04-03", "2026-06-05"]


def test_dates_that_contradict_each_other_are_told(write: Write) -> None:
    path = toggl_on(write, "13/04/2026", "04/13/2026")
    with pytest.raises(Misuse, match="Line 2 has 13/04/2026, line 3 has 04/13/2026"):
        convert(path, "toggl")
    found = convert(path, "toggl", order=DateOrder.MONTH_FIRST)
    assert [(line, field) for line, field, _ in found.refused] == [(2, "date"), (2, "end date")]


def test_a_wrong_format_is_told_with_the_right_one(write: Write) -> None:
    path = write("t.csv", TOGGL)
    with pytest.raises(Misuse, match=r"no column date, hours, .*--format toggl"):
        convert(path, "harvest")


def test_a_file_of_json_lines_in_our_columns(write: Write) -> None:
    rows = [
        '{"external_id": "x", "person": "a@x.test", "date": "2026-11-23", "project": "WEB", '
        '"hours": 1.5, "billable": true, "task": null}',
        "",
        '{"person": "a@x.test", "date": "2026-11-23", "project": "WEB", "hours": "1:30"}',
        "{not json",
        '{"person": "a@x.test", "date": "20261123", "project": "WEB", "minutes": 1.5, "x": 1}',
        '{"person": ["a"]}',
    ]
    found = convert(write("h.ndjson", "\n".join(rows)), "ours")
    assert [(row.external_id[:1], row.minutes, row.billable) for row in found.rows] == [
        ("x", 90, True),
        ("o", 90, None),
    ]
    assert [(line, field) for line, field, _ in found.refused] == [
        *((4, "row"), (5, "x"), (5, "date"), (5, "minutes"), (6, "person")),
    ]


def test_semicolons_and_a_windows_encoding_are_read(tmp_path: Path) -> None:
    path = tmp_path / "h.csv"
    path.write_bytes(
        "person;date;project;hours;note\na@x.test;2026-11-23;WEB;1,25;Prüfung\n".encode("cp1252")
    )
    with pytest.raises(Misuse, match=r"line 2 is not utf-8.*--encoding"):
        convert(path, "ours")
    (row,) = convert(path, "ours", encoding="cp1252").rows
    assert (row.minutes, row.note) == (75, "Prüfung")


def test_a_misspelt_column_of_ours_is_told(write: Write) -> None:
    path = write("h.csv", "person,date,project,minutes,bilable\n")
    with pytest.raises(Misuse, match="'bilable' is not known"):
        convert(path, "ours")


def test_lines_are_those_of_the_file_though_notes_span_lines(write: Write) -> None:
    path = write(
        "h.csv",
        "person,date,project,minutes,note\r\n"
        'a@x.test,2026-11-23,WEB,1,"one\r\ntwo"\r\n'
        "\r\n"
        "a@x.test,2026-11-23,WEB,x,\r\n"
        'a@x.test,2026-11-23,WEB,1,"closed" too early\r\n'
        "a@x.test,2026-11-23,WEB,2,,extra\r\n",
    )
    found = convert(path, "ours")
    assert [(line, field) for line, field, _ in found.refused] == [
        *((5, "minutes"), (6, "row"), (7, "row")),
    ]
    assert [row.note for row in found.rows] == ["one\r\ntwo"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (
            b'person,date,project,minutes,note\na,2026-11-23,P,1,"open\nb,2026-11-23,P,1,\n',
            "line 2",
        ),
        (b"person,date\0", "NUL"),
        ("person,date".encode("utf-16"), "UTF-16"),
        (b"person,person,date,project,minutes\n", "twice"),
        (b"person,date,project,minutes\n" + b"x" * (1 << 20) + b"\n", "line 2 is longer"),
        (b"a," * 2000 + b"\n", "more than 1000 columns"),
        (b"\x1f\x8b\x08rubbish", "cannot be read"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused_whole(
    tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(content)
    with pytest.raises(Misuse, match=words):
        convert(path, "ours")
