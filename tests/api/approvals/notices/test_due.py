"""Which notices are due when, and who gets none."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.approvals.conftest import sub
from tests.api.approvals.notices.conftest import Notices, Staff

DUE = "Please submit your timesheet for week 48"
OVERDUE = "Your timesheet for week 47 is overdue"
ZONES = ["UTC", "Europe/Berlin", "America/Los_Angeles", "Pacific/Auckland"]


@pytest.mark.parametrize("zone", ZONES)
async def test_friday_at_15_and_monday_at_9_are_local(
    notices: Notices, staff: Staff, zone: str
) -> None:
    await staff.add("erin", time_zone=zone)
    assert await notices.run_at("2026-11-23T08:59", zone) == []
    assert await notices.run_at("2026-11-23T09:00", zone) == [("erin", OVERDUE)]
    assert await notices.run_at("2026-11-27T14:59", zone) == []
    assert await notices.run_at("2026-11-27T15:00", zone) == [("erin", DUE)]
    assert await notices.run_at("2026-11-29T23:59", zone) == []


async def test_summer_time_does_not_move_the_hour(notices: Notices, staff: Staff) -> None:
    await staff.add("erin", time_zone="Europe/Berlin")
    overdue = "Your timesheet for week 43 is overdue"
    assert await notices.run_at("2026-10-26T07:59") == []
    assert await notices.run_at("2026-10-26T08:00") == [("erin", overdue)]


async def test_a_run_that_is_late_still_sends_what_is_due(notices: Notices, staff: Staff) -> None:
    await staff.add("erin")
    assert await notices.run_at("2026-11-25T13:00") == [("erin", OVERDUE)]
    assert await notices.run_at("2026-11-29T23:00") == [("erin", DUE)]


async def test_a_person_who_has_submitted_gets_no_reminder(notices: Notices, staff: Staff) -> None:
    await staff.add("erin")
    await staff.neighbours.submitted("erin", week="2026-W47")
    assert await notices.run_at("2026-11-23T09:00") == []


async def test_a_week_that_changed_since_is_not_called_unsubmitted(
    notices: Notices, staff: Staff
) -> None:
    await staff.add("erin")
    await staff.add("maya")
    notices.at("2026-11-24T10:00")
    await staff.rejected("erin", "2026-W47")
    assert await notices.run_at("2026-11-24T10:15") == [
        ("erin", "Your timesheet for week 47 was rejected"),
        ("maya", OVERDUE),
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {"reminders": False},
        {"active": False},
        {"email": None},
        {"target_minutes": 0},
        {"since": "2026-11-30"},
        {"until": "2026-11-20"},
    ],
    ids=str,
)
async def test_no_notice_about_a_week_that_is_nobodys_duty(
    notices: Notices, staff: Staff, fields: dict[str, Any]
) -> None:
    await staff.add("erin", **fields)
    assert await notices.run_at("2026-11-23T09:00") == []
    assert await notices.run_at("2026-11-27T15:00") == []


async def test_nobody_is_reminded_of_weeks_before_they_were_known(
    notices: Notices, staff: Staff
) -> None:
    notices.at("2026-11-23T07:00")
    await staff.neighbours.person("erin", locale="en", time_zone="UTC", reminders=True)
    assert await notices.run_at("2026-11-23T09:00") == []
    assert await notices.run_at("2026-11-27T15:00") == [("erin", DUE)]


async def test_a_person_who_is_absent_all_week_gets_no_reminder(
    notices: Notices, staff: Staff
) -> None:
    await staff.add("erin")
    await staff.add("carl")
    await staff.off("erin", "2026-W47", "2026-W48")
    assert await notices.run_at("2026-11-23T09:00") == [("carl", OVERDUE)]
    await staff.off("erin", "2026-W48", is_off=False)
    assert await notices.run_at("2026-11-27T15:00") == [("carl", DUE), ("erin", DUE)]


async def test_a_rejection_and_a_reopening_are_due_at_once(notices: Notices, staff: Staff) -> None:
    await staff.add("erin")
    notices.at("2026-11-24T10:00")
    await staff.rejected("erin", "2026-W46")
    submission = await staff.neighbours.submitted("erin", week="2026-W47")
    await staff.neighbours.entries("timesheet.approved", submission, decided_by=sub("maya"))
    await staff.neighbours.entries(
        "timesheet.reopened", submission, reopened_by=sub("ada"), reason="Wrong project"
    )
    assert await notices.run_at("2026-11-24T10:15") == [
        ("erin", "Your timesheet for week 46 was rejected"),
        ("erin", "Your timesheet for week 47 was reopened"),
    ]
    assert await notices.run_at("2026-11-24T10:30") == []


async def test_each_rejection_of_a_week_is_due(notices: Notices, staff: Staff) -> None:
    await staff.add("erin")
    for hour in (10, 11):
        notices.at(f"2026-11-24T{hour}:00")
        await staff.rejected("erin", "2026-W47")
        assert await notices.run_at(f"2026-11-24T{hour}:15") == [
            ("erin", "Your timesheet for week 47 was rejected")
        ]


async def test_turning_reminders_on_brings_no_old_mail(notices: Notices, staff: Staff) -> None:
    await staff.add("erin", reminders=False)
    notices.at("2026-11-24T10:00")
    await staff.rejected("erin", "2026-W47")
    assert await notices.run_at("2026-11-24T10:15") == []
    await staff.add("erin", reminders=True)
    assert await notices.run_at("2026-11-24T10:30") == []


async def test_approvers_hear_each_morning_how_many_weeks_wait(
    notices: Notices, staff: Staff
) -> None:
    await staff.add("maya", time_zone="Europe/Berlin", target_minutes=0)
    await staff.add("max", target_minutes=0)
    for key in ("erin", "carl"):
        await staff.add(key, "maya", reminders=False)
        await staff.neighbours.submitted(key, week="2026-W47")
    waiting = ("maya", "2 timesheets wait for your approval")
    assert await notices.run_at("2026-11-24T07:59", "Europe/Berlin") == []
    assert await notices.run_at("2026-11-24T08:00", "Europe/Berlin") == [waiting]
    assert await notices.run_at("2026-11-24T12:00", "Europe/Berlin") == []
    assert await notices.run_at("2026-11-25T08:00", "Europe/Berlin") == [waiting]
    assert await notices.run_at("2026-11-28T08:00", "Europe/Berlin") == []  # a Saturday


async def test_a_week_submitted_during_the_day_waits_for_the_next_morning(
    notices: Notices, staff: Staff
) -> None:
    await staff.add("maya", target_minutes=0)
    for key in ("erin", "carl"):
        await staff.add(key, "maya", reminders=False)
    notices.at("2026-11-24T09:00")
    await staff.neighbours.submitted("erin", week="2026-W47")
    assert await notices.run_at("2026-11-24T09:15") == []
    assert await notices.run_at("2026-11-25T08:00") == [
        ("maya", "1 timesheet waits for your approval")
    ]
    await staff.neighbours.submitted("carl", week="2026-W47")
    assert await notices.run_at("2026-11-25T09:00") == []


async def test_a_delegate_hears_of_the_managers_weeks_while_it_holds(
    notices: Notices, staff: Staff
) -> None:
    await staff.add("max", target_minutes=0)
    await staff.add(
        "maya", target_minutes=0, delegate=("max", "2026-11-24", "2026-11-24"), reminders=False
    )
    await staff.add("erin", "maya", reminders=False)
    await staff.neighbours.submitted("erin", week="2026-W47")
    assert await notices.run_at("2026-11-23T08:00") == []
    assert await notices.run_at("2026-11-24T08:00") == [
        ("max", "1 timesheet waits for your approval")
    ]
    assert await notices.run_at("2026-11-25T08:00") == []


async def test_an_approver_who_is_off_all_week_gets_none(notices: Notices, staff: Staff) -> None:
    await staff.add("maya", target_minutes=0)
    await staff.add("erin", "maya", reminders=False)
    await staff.neighbours.submitted("erin", week="2026-W47")
    await staff.off("maya", "2026-W48")
    assert await notices.run_at("2026-11-24T08:00") == []
