"""Quarter hours of a simulated period, with killed runs and outages of the mail server."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from libs.rules.calendar import Week
from tests.api.approvals.notices.conftest import Notices, Staff
from tests.api.approvals.notices.test_due import ZONES

FIRST = Week.parse("2026-W40")
"""The first week in which people are known, so nothing before it is due."""
STEP = timedelta(minutes=15)
DRAIN = timedelta(hours=14)
"""Longer than the longest pause between attempts, and than the zones lie apart."""


def is_submitted(number: int) -> bool:
    return number % 4 == 0


def is_off(number: int, week: Week) -> bool:
    return number % 4 == 1 and week.monday.isocalendar().week % 2 == 0


def expected_notices(people: int, weeks: int) -> set[tuple[str, str]]:
    """(recipient, subject) of everything due from the first Tuesday to the last Tuesday."""
    due: set[tuple[str, str]] = set()
    for number in range(people):
        for offset in range(weeks):
            week = FIRST.plus(offset)
            if is_submitted(number) or is_off(number, week):
                continue
            iso = week.monday.isocalendar().week
            due.add((f"p{number}", f"Please submit your timesheet for week {iso}"))
            due.add((f"p{number}", f"Your timesheet for week {iso} is overdue"))
    return due


@pytest.mark.slow
@pytest.mark.parametrize(
    ("people", "weeks", "kills", "outages"),
    [
        (16, 1, 5, 2),
        pytest.param(
            200, 52, 20, 5, marks=[pytest.mark.endurance, pytest.mark.timeout(7200)], id="year"
        ),
    ],
)
async def test_each_due_notice_arrives_once(
    notices: Notices, staff: Staff, people: int, weeks: int, kills: int, outages: int
) -> None:
    for number in range(people):
        await staff.add(
            f"p{number}", time_zone=ZONES[number % 3 if number % 4 == 1 else number % 4]
        )
        for week in (FIRST.plus(offset) for offset in range(weeks)):
            if is_off(number, week):
                await staff.off(f"p{number}", str(week))
            if is_submitted(number):
                await staff.neighbours.submitted(f"p{number}", week=str(week))
    begin = datetime.combine(FIRST.days[1], datetime.min.time(), UTC)
    steps = int(timedelta(weeks=weeks) / STEP)
    dice = random.Random(17)
    killed = set(dice.sample(range(steps), kills))
    away = {
        step
        for start in dice.sample(range(steps), outages)
        for step in range(start, start + dice.randrange(4, 80))
    }
    copies_allowed = 0
    is_away = False
    for step in range(steps + int(DRAIN / STEP)):
        notices.clock.time = begin + step * STEP
        if (step in away and step < steps) != is_away:
            is_away = not is_away
            await (notices.mail.stop() if is_away else notices.mail.start())
        if step in killed or step - 1 in killed:
            copies_allowed += 1
            with suppress(TimeoutError):
                await asyncio.wait_for(notices.run(), dice.uniform(0.001, 0.03))
        else:
            await notices.run()
    arrived = Counter(message["Message-ID"] for message in notices.mail.inbox)
    received = {
        (message["To"].addresses[0].username, str(message["Subject"]))
        for message in notices.mail.inbox
    }
    assert received == expected_notices(people, weeks)
    assert len(arrived) == len(received)
    assert arrived.total() - len(arrived) <= copies_allowed
