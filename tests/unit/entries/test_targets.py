"""Targets of days."""

from __future__ import annotations

from datetime import date, timedelta

from libs.rules.calendar import Week
from services.entries.targets import Contract, WorkingTime, day_targets, spread, total_of

MONDAY = date(2026, 11, 23)
DAYS = Week(MONDAY).days
FULL = Contract(date(2026, 1, 1), (480, 480, 480, 480, 480, 0, 0))
PART = Contract(date(2026, 11, 25), (240, 240, 240, 240, 0, 0, 0), "DE-BY")


def test_without_a_contract_and_a_target_of_ones_own_there_is_no_target() -> None:
    assert day_targets(WorkingTime(), DAYS) == (None,) * 7
    assert total_of((None,) * 7) is None


def test_no_target_is_not_a_target_of_0() -> None:
    assert day_targets(WorkingTime(own_target=0), DAYS) == (0,) * 7
    assert total_of((0,) * 7) == 0


def test_a_weekly_figure_is_spread_over_the_working_days() -> None:
    assert spread(2400) == (480, 480, 480, 480, 480, 0, 0)
    assert spread(2403) == (481, 481, 481, 480, 480, 0, 0)
    assert sum(spread(7)) == 7


def test_a_contract_holds_until_the_next_one() -> None:
    targets = day_targets(WorkingTime((PART, FULL), own_target=1200), DAYS)
    assert targets == (480, 480, 240, 240, 0, 0, 0)
    assert total_of(targets) == 1440


def test_before_the_first_contract_the_target_of_ones_own_counts() -> None:
    assert day_targets(WorkingTime((PART,)), DAYS)[:3] == (None, None, 240)
    assert day_targets(WorkingTime((PART,), own_target=500), DAYS)[:3] == (100, 100, 240)
    assert total_of((None, None, 240)) == 240


def test_there_is_no_target_before_joining_and_after_leaving() -> None:
    joined, left = MONDAY + timedelta(2), MONDAY + timedelta(3)
    assert day_targets(WorkingTime((FULL,), joined=joined), DAYS)[1:3] == (None, 480)
    assert day_targets(WorkingTime((FULL,), left=left), DAYS)[3:5] == (480, None)
    own = WorkingTime(own_target=2400, joined=joined, left=left)
    assert day_targets(own, DAYS) == (None, None, 480, 480, None, None, None)


def test_holidays_and_absences_lower_the_target() -> None:
    off = {MONDAY: 1.0, MONDAY + timedelta(1): 0.5}
    targets = day_targets(WorkingTime((FULL,)), DAYS, {MONDAY + timedelta(2)}, off)
    assert targets == (0, 240, 0, 480, 480, 0, 0)
