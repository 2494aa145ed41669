"""The sample company keeps the rules it will be loaded under."""

from collections import Counter
from datetime import date, timedelta

import pytest

from dev.sample_data import DELEGATIONS, MACHINES, PEOPLE, PERMISSIONS, PROJECTS, SCOPES, Role
from dev.timesheets import WORK, WorkedWeek, worked_weeks
from libs.auth import Scope

MONDAY = date(2026, 11, 23)


@pytest.fixture(
    scope="module", params=range(7), ids=lambda days: (MONDAY + timedelta(days)).ctime()
)
def today(request: pytest.FixtureRequest) -> date:
    return MONDAY + timedelta(days=request.param)


@pytest.fixture(scope="module")
def weeks(today: date) -> list[WorkedWeek]:
    return worked_weeks(today)


def test_it_is_as_big_as_promised() -> None:
    assert len(PEOPLE) == len({person.key for person in PEOPLE}) == 12
    assert len(PROJECTS) == len({project.code for project in PROJECTS}) == 8
    assert len({project.customer for project in PROJECTS}) == 4
    roles = Counter(person.role for person in PEOPLE)
    assert (roles[Role.MANAGER], roles[Role.ADMINISTRATOR]) == (2, 1)


def test_its_scopes_are_those_that_the_services_know() -> None:
    assert {str(scope) for scope in Scope} == SCOPES
    assert all(machine.permissions <= SCOPES for machine in MACHINES)
    assert all(permissions <= SCOPES for permissions in PERMISSIONS.values())


def test_every_manager_is_one_and_nobodys_weeks_get_stuck() -> None:
    deciding = {person.key for person in PEOPLE if person.role is Role.MANAGER}

    assert {person.manager for person in PEOPLE} - {None} <= deciding
    assert all(person.manager != person.key for person in PEOPLE)
    # Weeks of people without a manager are decided by another person, an administrator.
    above_nobody = [person for person in PEOPLE if person.manager is None]
    assert all(person.role is not Role.ADMINISTRATOR for person in above_nobody)
    assert {delegation.manager for delegation in DELEGATIONS} <= deciding


def test_a_manager_comes_before_those_who_report_to_them() -> None:
    places = {person.key: place for place, person in enumerate(PEOPLE)}

    assert all(places[person.manager] < places[person.key] for person in PEOPLE if person.manager)


def test_every_uploader_is_a_program_with_the_scope() -> None:
    uploading = {machine.client_id for machine in MACHINES if "batch:upload" in machine.permissions}

    assert {client for person in PEOPLE for client in person.uploaders} == uploading


def test_everybody_works_on_projects_that_exist() -> None:
    assert set(WORK) == {person.key for person in PEOPLE}
    codes = {project.code for project in PROJECTS}
    assert {code for work in WORK.values() for code, _note in work} == codes


def test_four_weeks_each_and_the_last_is_this_one(today: date, weeks: list[WorkedWeek]) -> None:
    mondays = sorted({week.monday for week in weeks})

    assert mondays == [MONDAY - timedelta(weeks=back) for back in (3, 2, 1, 0)]
    assert weeks[-1].name == "2026-W48"
    assert len(weeks) == 4 * len(PEOPLE)
    assert max(entry.date for week in weeks for entry in week.entries) <= today


def test_every_entry_keeps_the_rules(weeks: list[WorkedWeek]) -> None:
    entries = [entry for week in weeks for entry in week.entries]
    per_day = Counter[tuple[str, date]]()
    for week in weeks:
        for entry in week.entries:
            assert 1 <= entry.minutes <= 1440
            assert week.monday <= entry.date < week.monday + timedelta(days=7)
            per_day[week.person.key, entry.date] += entry.minutes

    assert max(per_day.values()) <= 1440
    assert len({entry.id for entry in entries}) == len(entries)


def test_only_weeks_that_are_over_are_submitted_and_only_submitted_ones_decided(
    weeks: list[WorkedWeek],
) -> None:
    this_week = [week for week in weeks if week.monday == MONDAY]
    waiting = [week for week in weeks if week.submitted and not week.decided]

    assert not any(week.submitted for week in this_week)
    assert {week.monday for week in waiting} == {MONDAY - timedelta(weeks=1)}
    assert any(not week.submitted for week in weeks if week.monday < MONDAY)
    assert sum(week.rejection is not None for week in weeks) == 1


def test_the_ids_do_not_change_from_day_to_day() -> None:
    def ids(day: date) -> set[object]:
        return {entry.id for week in worked_weeks(day) for entry in week.entries}

    assert ids(MONDAY) < ids(MONDAY + timedelta(days=1))
