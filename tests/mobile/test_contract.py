"""The app ships alone with a copy of the rules: here the copy is held against the services."""

from __future__ import annotations

import ast
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from marshmallow import Schema

import mobile
from libs.auth import Scope as ServerScope
from libs.rules import limits
from libs.rules.calendar import Week
from libs.rules.violations import RuleBroken
from libs.web.resources import answer_schema
from libs.web.schemas import MAX_LIMIT
from mobile.core import rules, weeks
from mobile.core.rules import Draft, EntryContext, State
from mobile.core.views import draft_body
from mobile.core.wire import Entry, OverdueWeek, Profile, Project, Rules, Timesheet, read
from services.approvals.schemas.overdue import OverdueAnswer
from services.entries import model
from services.entries.api import serializers
from services.entries.calendar import PersonCalendar
from services.entries.commands.timesheets import WeekInContext
from services.entries.resources import Project as ProjectResource
from services.entries.schemas.entries import EntryAnswer, EntrySchema
from services.entries.schemas.period import RulesAnswer
from services.entries.schemas.timesheets import TimesheetAnswer
from services.entries.targets import WorkingTime
from services.profile.schemas.profile import ProfileAnswer

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
TODAY = NOW.date()


@pytest.mark.parametrize(
    ("name", "of"),
    [
        ("MAX_MINUTES_A_DAY", model),
        ("MAX_DAYS_AHEAD", model),
        ("MAX_NOTE_LENGTH", model),
        ("MAX_TASK_LENGTH", model),
        ("MAX_REASON_LENGTH", limits),
    ],
)
def test_limits_are_the_servers(name: str, of: ModuleType) -> None:
    assert getattr(rules, name) == getattr(of, name)


def test_a_page_is_as_long_as_the_server_allows() -> None:
    assert rules.MAX_PAGE == MAX_LIMIT


def test_scopes_are_the_servers_but_for_those_of_machines() -> None:
    machines = {ServerScope.BATCH_UPLOAD, ServerScope.READ_EVENTS}

    assert {scope.value for scope in rules.Scope} == {
        scope.value for scope in ServerScope if scope not in machines
    }


def test_states_and_reasons_are_the_servers() -> None:
    assert _known(State) == [state.value for state in model.State]
    assert _known(rules.LockReason) == [each.value for each in model.LockReason]


def _known(kind: type[StrEnum]) -> list[str]:
    """But for the one that stands for what only a newer server knows."""
    return [each.value for each in kind if each.value != "unknown"]


@pytest.mark.parametrize("state", [State.OPEN, State.SUBMITTED, State.APPROVED])
@pytest.mark.parametrize("closed_through", [None, TODAY - timedelta(days=1), TODAY])
def test_lock_reasons_match_the_server(state: State, closed_through: date | None) -> None:
    ours = rules.lock_of(TODAY, state, closed_through)
    theirs = model.lock_of(TODAY, model.State(state.value), closed_through)

    assert (ours is None) == (theirs is None)
    if ours is not None and theirs is not None:
        assert (ours.reason.value, ours.unlock) == (theirs.reason.value, theirs.unlock)


DRAFTS = {
    "fine": (Draft(TODAY, "A", 60), EntryContext(State.OPEN, None, 0, True)),
    "full day": (Draft(TODAY, "A", 60), EntryContext(State.OPEN, None, 1400, True)),
    "exactly a day": (Draft(TODAY, "A", 40), EntryContext(State.OPEN, None, 1400, True)),
    "closed": (Draft(TODAY, "A", 60), EntryContext(State.OPEN, TODAY, 0, True)),
    "far": (Draft(TODAY + timedelta(40), "A", 60), EntryContext(State.OPEN, None, 0, True)),
    "farthest": (Draft(TODAY + timedelta(32), "A", 60), EntryContext(State.OPEN, None, 0, True)),
    "unknown": (Draft(TODAY, "A", 60), EntryContext(State.OPEN, None, 0, None)),
    "inactive": (Draft(TODAY, "A", 60), EntryContext(State.OPEN, None, 0, False)),
    "all wrong": (
        Draft(TODAY + timedelta(99), "A", 60),
        EntryContext(State.OPEN, None, 1400, None),
    ),
}


@pytest.mark.parametrize("name", DRAFTS)
def test_rule_messages_match_the_server(name: str) -> None:
    draft, context = DRAFTS[name]
    ours = [
        (each.field, each.code, each.message) for each in rules.violations_of(draft, context, NOW)
    ]

    theirs: list[tuple[str, str, str]] = []
    try:
        model.check_draft(
            model.Draft(draft.date, draft.project, draft.minutes),
            model.EntryContext(
                model.State(context.state.value),
                context.closed_through,
                context.others,
                None
                if context.project_active is None
                else model.ProjectRules(context.project_active),
            ),
            NOW,
        )
    except RuleBroken as rejection:
        theirs = [(each.field, each.code, each.message) for each in rejection.violations]

    assert ours == theirs


@pytest.mark.parametrize("offset", range(-400, 400, 3))
def test_weeks_are_the_servers(offset: int) -> None:
    day = TODAY + timedelta(days=offset)

    assert str(weeks.Week.of(day)) == str(Week.of(day))
    assert weeks.Week.parse(str(Week.of(day))).monday == Week.of(day).monday


@pytest.mark.parametrize("days", [-8, -1, 0, 1, 6, 7, 8])
def test_a_week_can_be_submitted_when_the_server_says_so(days: int) -> None:
    now = NOW + timedelta(days=days)
    week = Week.of(TODAY + timedelta(days=7))
    sheet = model.Timesheet("p", week)
    theirs = serializers.serialize_summary(
        WeekInContext(sheet, {}, (None,) * 7, PersonCalendar(WorkingTime()), None, now)
    ).can_submit

    assert rules.can_submit(week.monday, State.OPEN, now) == theirs


# Members of the contract that the app reads already; it does without while they are missing.
NOT_YET_SERVED: dict[type, set[str]] = {Project: {"tasks", "note_required"}}


def test_what_the_app_writes_has_just_the_fields_that_the_server_takes() -> None:
    assert set(draft_body(Draft(TODAY, "A", 60))) == set(EntrySchema().fields)


@pytest.mark.parametrize(
    ("kind", "schema"),
    [
        (Entry, answer_schema(EntryAnswer)()),
        (Timesheet, answer_schema(TimesheetAnswer)()),
        (Project, answer_schema(ProjectResource)()),
        (Rules, answer_schema(RulesAnswer)()),
        (OverdueWeek, OverdueAnswer()),
        (Profile, ProfileAnswer()),
    ],
)
def test_what_the_app_reads_is_what_the_server_promises(kind: Any, schema: Schema) -> None:
    promised = {field.data_key or name for name, field in schema.fields.items()}

    assert set(kind.__dataclass_fields__) - NOT_YET_SERVED.get(kind, set()) <= promised


def test_a_members_absence_is_no_reason_to_fail() -> None:
    assert read(Rules, {"scopes": ["read:timesheets"], "new": 1}).target_minutes is None


def test_the_app_imports_nothing_but_its_own() -> None:
    folder = Path(mobile.__file__).parent
    strangers = {"services", "libs", "dev", "tests"}
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert strangers.isdisjoint(name.partition(".")[0] for name in names), path


def test_the_core_and_the_viewmodels_know_no_screen() -> None:
    folder = Path(mobile.__file__).parent
    for part in ("core", "viewmodels", "text"):
        for path in (folder / part).glob("*.py"):
            assert "kivy" not in path.read_text("utf-8").lower(), path
