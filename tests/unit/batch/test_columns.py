"""Any other table, described with --columns."""

from __future__ import annotations

from typing import Any

import pytest

from batch.errors import InvalidInput
from tests.unit.batch.converting import Converted, Write, convert

KIMAI = (
    "Date,From,To,Duration,Rate,User,Customer,Project,Activity,Description,Billable\n"
    "2026-03-04,09:00,10:30,1:30,90,ann,Big,Web,Build,pairing,1\n"
    "2026-03-04,11:00,,,90,ann,Big,Web,Build,still on it,1\n"
)
KIMAI_MAP = (
    "column,field\nDate,date\nFrom,start time\nTo,end_time\nDuration,hours\nUser,person\n"
    "Customer,client\nProject,project\nActivity,task\nDescription,note\nBillable,billable\n"
)


def convert_with(write: Write, text: str, columns: str, **options: Any) -> Converted:
    return convert(write("x.csv", text), "columns", columns=write("m.csv", columns), **options)


def test_the_columns_of_another_tool_are_mapped(write: Write) -> None:
    found = convert_with(write, KIMAI, KIMAI_MAP, people={"ann": "a@x.test"}, projects={"Web": "W"})
    (row,) = found.rows
    assert (row.person, row.date, row.minutes, row.project) == ("a@x.test", "2026-03-04", 90, "W")
    assert (row.task, row.note, row.billable) == ("Build", "pairing", True)
    assert found.skipped == [(3, "The timer is still running.")]
    assert "Columns that were not used: Rate." in found.notes


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-03-04 22:30", "2026-03-05 00:15"),
        ("2026-03-04T22:30:00+01:00", "2026-03-05T00:15:00+01:00"),
        ("03/14/2026 10:30 PM", "03/15/2026 12:15 AM"),
        ("2026-03-04T22:30:00.500", "2026-03-05T00:15:00.500"),
    ],
)
def test_start_and_end_may_hold_date_and_time(write: Write, start: str, end: str) -> None:
    found = convert_with(
        write,
        f"Who,Project,Start,End\na@x.test,WEB,{start},{end}\n",
        "column,field\nWho,email\nProject,project\nStart,start\nEnd,end\n",
    )
    assert [row.minutes for row in found.rows] == [105]


@pytest.mark.parametrize("utc", ["Z", "+00:00", "+0000"])
def test_utc_is_not_taken_for_the_local_day(write: Write, utc: str) -> None:
    found = convert_with(
        write,
        f"Who,Project,Start,End\na@x.test,WEB,2026-03-04T23:30:00{utc},2026-03-05T00:15:00{utc}\n",
        "column,field\nWho,email\nProject,project\nStart,start\nEnd,end\n",
    )
    assert [field for _, field, _ in found.failed] == ["start", "end"]
    assert "UTC" in found.failed[0][2]


def test_first_and_last_name_are_joined(write: Write) -> None:
    found = convert_with(
        write,
        "Day,First,Last,Job,Min\n2026-03-04,Ann,Lee,WEB,90\n",
        "column,field\nDay,date\nFirst,person\nLast,person\nJob,project\nMin,minutes\n",
        people={"ann lee": "a@x.test"},
    )
    assert [(row.person, row.minutes) for row in found.rows] == [("a@x.test", 90)]


def test_json_lines_can_be_mapped(write: Write) -> None:
    found = convert_with(
        write,
        '{"Key": "k1", "who": "a@x.test", "day": "2026-03-04", "job": "WEB", "h": 1.5}\n'
        '{"Key": "k2", "gone": true}\n',
        "column,field\nkey,external_id\nwho,person\nday,date\njob,project\nh,hours\ngone,deleted\n",
    )
    assert [(row.external_id, row.minutes) for row in found.rows] == [("k1", 90)]
    assert found.deleted == ["k2"]


def test_unused_names_of_json_lines_are_reported(write: Write) -> None:
    found = convert_with(
        write,
        '{"who": "a@x.test", "day": "2026-03-04", "job": "WEB", "h": 1.5, "Rate": 90}\n'
        '{"who": "a@x.test", "day": "2026-03-05", "job": "WEB", "h": 1.5, "place": "x"}\n'
        '{"who": "a@x.test", "day": "2026-03-06", "job": "WEB", "h": 1.5, "rate": 91}\n',
        "column,field\nwho,person\nday,date\njob,project\nh,hours\n",
    )
    assert len(found.rows) == 3
    assert "Columns that were not used: rate, place." in found.notes


def test_many_unused_names_are_shortened(write: Write) -> None:
    names = "".join(f', "name{number}": 1' for number in range(150))
    found = convert_with(
        write,
        f'{{"who": "a@x.test", "day": "2026-03-04", "job": "WEB", "h": 1.5{names}}}\n',
        "column,field\nwho,person\nday,date\njob,project\nh,hours\n",
    )
    (note,) = (note for note in found.notes if "not used" in note)
    assert note.endswith("name98, name99, more.")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("column,field\nWho,user\n", "line 2: there is no field 'user'"),
        ("column,field\nWhen,date\nH,hours\n", "no column for person"),
        ("column,field\nWho,person\nH,hours\n", "no column for date"),
        ("column,field\nWho,person\nWhen,date\n", "no column for hours"),
        ("a,b\n", "no column column, field"),
        ("column,field\nWho,person\nWhen,date\nH,hours\n", "no column who, when, h"),
    ],
)
def test_an_invalid_description_is_rejected(write: Write, columns: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        convert_with(write, "X,Y,Z\n1,2,3\n", columns)
