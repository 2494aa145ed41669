"""Entries laid out as a grid."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from libs.rules.calendar import Week
from portal.pages.submissions import remarks_on
from portal.week_grid import RowKey, build_grid, colour_of, new_entry_id

WEEK = Week.parse("2026-W48")
PROJECTS = [
    {"code": "BIG-WEB", "name": "Website", "customer": "Big", "active": True, "billable": True},
    {"code": "OLD", "name": "Old", "customer": "Big", "active": False, "billable": True},
]


def entry(number: int, day: date, project: str = "BIG-WEB", **more: Any) -> dict[str, Any]:
    return {
        "id": f"id-{number}",
        "date": day.isoformat(),
        "project": project,
        "task": None,
        "minutes": 60,
        "note": "",
        "version": 1,
        "can_edit": True,
        "created_at": f"2026-11-23T08:00:{number:02}Z",
        **more,
    }


def sheet(*entries: dict[str, Any], **days: Any) -> dict[str, Any]:
    return {
        "week": str(WEEK),
        "state": "open",
        "total_minutes": sum(item["minutes"] for item in entries),
        "target_minutes": 2400,
        "days": [
            {
                "date": day.isoformat(),
                "minutes": 0,
                "can_edit": True,
                "lock_reason": None,
                "unlock": None,
                **days,
            }
            for day in WEEK.days
        ],
        "entries": list(entries),
    }


def test_entries_of_one_day_take_a_row_each() -> None:
    monday = WEEK.monday
    grid = build_grid(
        sheet(entry(1, monday), entry(2, monday), entry(3, monday + timedelta(days=1))),
        PROJECTS,
        monday,
    )
    assert [(row.id, row.total) for row in grid.rows] == [("BIG-WEB/0", 120), ("BIG-WEB/1", 60)]
    assert grid.rows[0].cells[0].reference == "id-1 1"
    assert grid.rows[1].cells[0].reference == "id-2 1"


def test_favourites_and_rows_of_the_address_are_added_once() -> None:
    grid = build_grid(
        sheet(entry(1, WEEK.monday)),
        PROJECTS,
        WEEK.monday,
        extra=[RowKey("BIG-WEB"), RowKey("BIG-WEB", "design"), RowKey("NONE")],
        favourites=[RowKey("BIG-WEB", "design")],
    )
    assert [row.id for row in grid.rows] == ["BIG-WEB/0", "BIG-WEB~design/0"]
    assert [row.is_favourite for row in grid.rows] == [False, True]


def test_a_locked_week_shows_no_empty_favourites() -> None:
    locked = sheet(can_edit=False, lock_reason="approved", unlock="Ask for it to be reopened.")
    grid = build_grid(locked, PROJECTS, WEEK.monday, favourites=[RowKey("BIG-WEB")])
    assert grid.rows == []
    assert [(reason, len(days)) for reason, _unlock, days in grid.locks] == [("approved", 7)]


def test_a_new_entry_has_the_same_id_each_time_it_is_sent() -> None:
    token = "6f1c2f0e-3d53-4a53-9a52-7f4f8a1c9b10"
    first = new_entry_id(token, "BIG-WEB/0", WEEK.monday)
    assert first == new_entry_id(token, "BIG-WEB/0", WEEK.monday)
    assert first != new_entry_id(token, "BIG-WEB/1", WEEK.monday)


def test_a_project_keeps_its_colour() -> None:
    assert colour_of("BIG-WEB") == colour_of("BIG-WEB")
    assert 0 <= colour_of("") < 12


def test_days_off_are_no_missing_days() -> None:
    days = sheet(holiday={"name": "Day off"}, target_minutes=0)
    days["target_minutes"] = 0
    assert remarks_on(days) == []


def test_what_is_unusual_is_said() -> None:
    days = sheet()
    days["days"][0]["minutes"] = 11 * 60
    days["days"][5]["minutes"] = 60
    days["total_minutes"] = 12 * 60
    remarks = remarks_on(days)
    assert remarks[0] == "28:00 short of target."
    assert "More than 10 hours on 23 Nov." in remarks
    assert "Hours on the weekend: 28 Nov." in remarks
    assert "No hours on 24 Nov." in remarks
