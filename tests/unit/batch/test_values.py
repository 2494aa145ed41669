"""Values of single cells: durations, times, dates, names."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from batch.dates import DateOrder, DateRange, parse_date, parse_iso_date
from batch.durations import parse_duration, parse_time_of_day, round_to_minutes
from batch.errors import InvalidInput
from batch.maps import PeopleMap, ProjectMap
from batch.rows import parse_boolean


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        *(("01:00:01", 60), ("00:00:29", 0), ("00:00:30", 1), ("1:30", 90), ("26:00:00", 1560)),
        *(("20,0", 1200), ("0,01", 1), ("0.33", 20), ("2", 120), (".5", 30), ("1.008", 60)),
        ("1.00833333", 60),
    ],
)
def test_durations_are_rounded_to_whole_minutes(text: str, minutes: int) -> None:
    assert round_to_minutes(parse_duration(text)) == minutes


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(
            ("18:25 min", 1105),
            ("0.79 h", 2844),
            ("1:05:03", 3903),
            ("25 sec", 25),
            ("90 min", 5400),
        ),
        *(("1h 30m", 5400), ("1h", 3600), ("45m", 2700), ("1 h 5 min", 3900), ("1:30 h", 5400)),
        *(("0,5 h", 1800), ("18:25\u00a0min", 1105)),
    ],
)
def test_durations_with_units_are_understood(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


def test_every_minute_that_a_program_divides_by_60_is_read_back() -> None:
    assert all(round_to_minutes(parse_duration(repr(n / 60))) == n for n in range(1, 1441))


def test_half_a_minute_is_rounded_up_and_not_to_even() -> None:
    assert [round_to_minutes(Decimal(30 + 60 * n)) for n in range(4)] == [1, 2, 3, 4]
    assert round_to_minutes(parse_duration(repr(0.5 / 60))) == 1


@pytest.mark.parametrize(
    "text", ["", "-1", "1:60", "nan", "1e3", "1:2:3:4", "1.000,5", "٣", "h", "18:75 min"]
)
def test_an_invalid_duration_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|negative"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(("12:00:00 AM", 0), ("12:30 PM", 45000), ("1:00\u202fpm", 46800), ("00:00", 0)),
        *(("23:59:59", 86399), ("10:23 a.m.", 37380)),
    ],
)
def test_times_of_day_have_12_or_24_hours(text: str, seconds: int) -> None:
    assert parse_time_of_day(text) == seconds


@pytest.mark.parametrize("text", ["24:00", "13:00 PM", "0:30 AM", "10", "10:5"])
def test_an_invalid_time_of_day_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="time"):
        parse_time_of_day(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        *(("", "missing"), ("3/4/26", "four-digit year"), ("x", "four-digit year")),
        ("2026-02-30", "February 2026 has 28 days, not 30"),
        ("31/04/2026", "April 2026 has 30 days, not 31"),
        ("2026-13-01", "there is no month 13"),
        *(("0000-01-01", "start at 1"), ("00/05/2026", "start at 1"), ("99999-01-01", "year")),
    ],
)
def test_an_impossible_date_is_explained(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_date(text, DateOrder.DAY_FIRST)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("13/15/2026", "neither 13 nor 15 is a month"),
        *(("00/05/2026", "start at 1"), ("05/00/2026", "start at 1")),
        ("03/04/2026", "two readings"),
        ("03.14.2026", "there is no month 14"),
    ],
)
def test_a_date_without_an_order_is_never_guessed(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_date(text, None)


def test_the_given_date_order_always_wins() -> None:
    assert str(parse_date("05.06.2026", DateOrder.MONTH_FIRST)) == "2026-05-06"
    assert str(parse_date("03.14.2026", DateOrder.MONTH_FIRST)) == "2026-03-14"
    assert str(parse_date("05.06.2026", None)) == "2026-06-05"


@pytest.mark.parametrize("text", ["2026-W19-1", "20260504", "04.05.2026", "2026-05-4"])
def test_only_one_form_of_iso_date_is_accepted(text: str) -> None:
    with pytest.raises(ValueError, match="not a date like"):
        parse_iso_date(text)


def test_a_range_of_days_includes_both_ends() -> None:
    days = DateRange.parse("2026-11-01..2026-11-30")
    assert str(days) == "2026-11-01..2026-11-30"
    assert (days.first in days, days.last in days) == (True, True)
    assert parse_iso_date("2026-12-01") not in days


@pytest.mark.parametrize("text", ["2026-11-01", "2026-11-30..2026-11-01", "..", "a..b"])
def test_an_invalid_range_of_days_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match=r"range|before|date"):
        DateRange.parse(text)


def test_a_boolean_is_yes_no_or_empty() -> None:
    assert [parse_boolean(text) for text in ("Yes", "no", "", "TRUE", "0", "t", "f")] == [
        *(True, False, None, True, False, True, False),
    ]
    with pytest.raises(ValueError, match="neither yes nor no"):
        parse_boolean("perhaps")


def test_people_are_found_by_name_in_any_case(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text(
        "\ufeffFirst Name;Last Name;Person\nAnn;Lee;auth0|ann\nBo;de  Vries;bo@x.test\n",
        encoding="utf-8",
    )
    people = PeopleMap.read(path)
    assert people.find("", " ANN lee ") == "auth0|ann"
    assert people.find("", "bo de vries") == "bo@x.test"
    assert people.find("else@x.test", "Else") == "else@x.test"


def test_the_address_of_a_row_wins_over_a_name_in_the_map(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("name,person\nJohn Smith,john1@x.test\n", encoding="utf-8")
    people = PeopleMap.read(path)
    assert people.find("john2@x.test", "John Smith") == "john2@x.test"
    assert people.find("", "John Smith") == "john1@x.test"


def test_an_address_in_the_map_is_translated(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("name,person\nann@private.test,ann@x.test\n", encoding="utf-8")
    assert PeopleMap.read(path).find("Ann@private.test", "Ann") == "ann@x.test"


def test_a_map_may_be_in_the_encoding_of_windows(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes("name;person\nJürgen Groß;jg@x.test\n".encode("cp1252"))
    assert PeopleMap.read(path).find("", "jürgen GROSS") == "jg@x.test"


def test_projects_of_the_same_name_are_distinguished_by_client(tmp_path: Path) -> None:
    path = tmp_path / "projects.csv"
    path.write_text(
        "client,project,code\nBig,Website,BIG-WEB\nNorth,Website,N-WEB\n,W-7,SEVEN\n",
        encoding="utf-8",
    )
    projects = ProjectMap.read(path)
    assert projects.find("big", "website") == "BIG-WEB"
    assert projects.find("North", "Website") == "N-WEB"
    assert projects.find("Big", "Other", "W-7") == "SEVEN"
    assert projects.find("Big", "CODE-1") == "CODE-1"
    with pytest.raises(ValueError, match="--project-map"):
        projects.find("City", "Web site")


def test_rows_without_a_project_can_be_given_a_code(tmp_path: Path) -> None:
    path = tmp_path / "projects.csv"
    path.write_text("client,project,code\n,,INT\nBig,,BIG-INT\n,Web,WEB\n", encoding="utf-8")
    projects = ProjectMap.read(path)
    assert projects.find("", "") == "INT"
    assert projects.find("Big", "") == "BIG-INT"
    assert projects.find("Big", "CODE-1") == "CODE-1"
    with pytest.raises(ValueError, match="with an empty project"):
        ProjectMap().find("", "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("who,person\nx,y\n", "line 2: a cell is empty"),
        ("name,whom\nx,y\n", "no column person"),
        ("name,person\nx,y\nX,z\n", "line 3: this name already stands for y"),
    ],
)
def test_an_invalid_map_is_rejected(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "people.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInput, match=message):
        PeopleMap.read(path)


def test_a_project_map_needs_a_code_in_each_line(tmp_path: Path) -> None:
    path = tmp_path / "projects.csv"
    path.write_text("project,code\nWeb,\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match="line 2: the code is empty"):
        ProjectMap.read(path)
