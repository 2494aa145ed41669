"""Single cells: durations, clocks, dates, names."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from batch.dates import DateOrder, read_date
from batch.durations import read_clock, read_duration, whole_minutes
from batch.maps import People, Projects
from batch.outcome import Misuse
from batch.rows import read_truth


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        *(("01:00:01", 60), ("00:00:29", 0), ("00:00:30", 1), ("1:30", 90), ("26:00:00", 1560)),
        *(("20,0", 1200), ("0,01", 1), ("0.33", 20), ("2", 120), (".5", 30), ("1.008", 60)),
        ("1.00833333", 60),
    ],
)
def test_durations_become_whole_minutes_half_up(text: str, minutes: int) -> None:
    assert whole_minutes(read_duration(text)) == minutes


def test_half_a_minute_is_rounded_up_and_not_to_even() -> None:
    assert [whole_minutes(Decimal(30 + 60 * n)) for n in range(4)] == [1, 2, 3, 4]


@pytest.mark.parametrize("text", ["", "-1", "1:60", "nan", "1e3", "1:2:3:4", "1.000,5", "٣"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|nothing"):
        read_duration(text)


@pytest.mark.parametrize(
    ("text", "clock"),
    [
        *(("12:00:00 AM", 0), ("12:30 PM", 45000), ("1:00\u202fpm", 46800), ("00:00", 0)),
        *(("23:59:59", 86399), ("10:23 a.m.", 37380)),
    ],
)
def test_clocks_of_twelve_and_of_24_hours(text: str, clock: int) -> None:
    assert read_clock(text) == clock


@pytest.mark.parametrize("text", ["24:00", "13:00 PM", "0:30 AM", "10", "10:5"])
def test_what_is_no_time_of_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="time"):
        read_clock(text)


@pytest.mark.parametrize("text", ["", "3/4/26", "2026-02-30", "99999-01-01", "0000-01-01", "x"])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"date|day"):
        read_date(text, DateOrder.DAY_FIRST)


def test_a_truth_is_yes_or_no_or_not_said() -> None:
    assert [read_truth(text) for text in ("Yes", "no", "", "TRUE", "0")] == [
        *(True, False, None, True, False),
    ]
    with pytest.raises(ValueError, match="neither yes nor no"):
        read_truth("perhaps")


def test_people_are_found_by_name_or_address_in_any_case(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text(
        "\ufeffFirst Name;Last Name;Person\nAnn;Lee;auth0|ann\nBo;de  Vries;bo@x.test\n",
        encoding="utf-8",
    )
    people = People.read(path)
    assert people.find("", " ANN lee ") == "auth0|ann"
    assert people.find("", "bo de vries") == "bo@x.test"
    assert people.find("else@x.test", "Else") == "else@x.test"


def test_an_address_can_be_mapped_too(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("name,person\nann@private.test,ann@x.test\n", encoding="utf-8")
    assert People.read(path).find("Ann@private.test", "Ann") == "ann@x.test"


def test_projects_of_the_same_name_are_told_apart_by_their_client(tmp_path: Path) -> None:
    path = tmp_path / "projects.csv"
    path.write_text(
        "client,project,code\nBig,Website,BIG-WEB\nNorth,Website,N-WEB\n,W-7,SEVEN\n",
        encoding="utf-8",
    )
    projects = Projects.read(path)
    assert projects.find("big", "website") == "BIG-WEB"
    assert projects.find("North", "Website") == "N-WEB"
    assert projects.find("Big", "Other", "W-7") == "SEVEN"
    assert projects.find("Big", "CODE-1") == "CODE-1"
    with pytest.raises(ValueError, match="--project-map"):
        projects.find("City", "Web site")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("who,person\nx,y\n", "line 2: a cell is empty"),
        ("name,whom\nx,y\n", "no column person"),
        ("name,person\nx,y\nX,z\n", "line 3: the same name stands there for y too"),
    ],
)
def test_a_table_that_makes_no_sense_is_told(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "people.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(Misuse, match=words):
        People.read(path)
