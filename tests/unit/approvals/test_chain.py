"""The chain of a history: any change of the past shows."""

from __future__ import annotations

import hashlib
import json
import uuid
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.rules.calendar import Week
from services.approvals import model
from services.approvals.chain import FIRST_PREVIOUS, Step, StepKind, add_step, first_break
from services.approvals.model import (
    Approval,
    Authority,
    Decision,
    DecisionRequest,
    DecisionRole,
    State,
)

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MONDAY = date(2026, 11, 16)
RECEIVED = Approval(
    id=uuid.UUID(int=1),
    person="auth0|erin",
    week=Week(MONDAY),
    total_minutes=90,
    by_day={MONDAY: 90},
    by_project={"Ä": 60, "A": 30},
    submitted_at=NOON,
    flags=(),
)


def history() -> tuple[Approval, list[Step]]:
    """Submitted, approved by a delegate, reopened."""
    approval, first = add_step(RECEIVED, StepKind.SUBMITTED, NOON, RECEIVED.person)
    authority = Authority(DecisionRole.DELEGATE, "auth0|maya")
    later = NOON + timedelta(hours=1)
    request = DecisionRequest(Decision.APPROVE, "fine")
    decided = model.decide(approval, request, "auth0|marco", authority, later)
    approval, second = add_step(
        decided,
        StepKind.APPROVED,
        later,
        "auth0|marco",
        reason="fine",
        acting_for=authority.acting_for,
        why=authority.why,
    )
    reopened = model.reopen(approval)
    approval, third = add_step(reopened, StepKind.REOPENED, later, "auth0|ada", reason="rate")
    return approval, [first, second, third]


def test_a_digest_is_taken_of_the_canonical_form() -> None:
    """The form written out, for anybody who checks a history elsewhere."""
    _, [first, second, _] = history()
    form = (
        '{"acting_for":"auth0|maya","actor":"auth0|marco","at":"2026-11-23T13:00:00.000000Z",'
        '"by_day":{"2026-11-16":90},"by_project":{"A":30,"Ä":60},"event":"approved","number":2,'
        f'"person":"auth0|erin","previous":"{first.sha256}","reason":"fine",'
        '"submission_id":"00000000-0000-0000-0000-000000000001","total_minutes":90,'
        '"week":"2026-W47","why":"delegate"}'
    )
    assert json.loads(form) == second.facts
    assert second.sha256 == hashlib.sha256(form.encode()).hexdigest()


@given(st.text(), st.dictionaries(st.text(), st.integers(), max_size=5))
def test_any_parser_makes_the_canonical_form_of_any_text(
    reason: str, by_project: dict[str, int]
) -> None:
    _, [first, *_] = history()
    step = first._replace(reason=reason, by_project=by_project)
    form = json.dumps(step.facts, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    assert step.sha256 == hashlib.sha256(form.encode()).hexdigest()


def test_each_step_holds_the_digest_of_the_one_before_and_the_approval_that_of_the_last() -> None:
    approval, steps = history()
    assert [step.number for step in steps] == [1, 2, 3]
    assert [step.previous for step in steps] == [FIRST_PREVIOUS, steps[0].sha256, steps[1].sha256]
    assert (approval.steps, approval.head, approval.version) == (3, steps[2].sha256, 3)
    assert first_break(approval, steps) is None


def test_a_moment_is_the_same_in_any_zone() -> None:
    _, [first, *_] = history()
    tokyo = first.at.astimezone(timezone(timedelta(hours=9)))
    assert first._replace(at=tokyo).sha256 == first.sha256


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize(
    "change",
    [
        {"actor": "auth0|eve"},
        {"at": NOON - timedelta(days=1)},
        {"acting_for": "auth0|eve"},
        {"why": DecisionRole.MANAGER},
        {"reason": "other"},
        {"event": StepKind.REJECTED},
        {"total_minutes": 91},
        {"by_day": {"2026-11-16": 91}},
        {"by_project": {"A": 90}},
        {"person": "auth0|eve"},
        {"week": "2026-W48"},
        {"submission_id": uuid.UUID(int=2)},
        {"previous": "1" * 64},
        {"number": 7},
    ],
    ids=lambda change: next(iter(change)),
)
def test_any_change_of_any_step_shows(place: int, change: dict[str, Any]) -> None:
    approval, steps = history()
    steps[place] = steps[place]._replace(**change)
    assert first_break(approval, steps) is not None


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_step_that_is_gone_shows(place: int) -> None:
    approval, steps = history()
    fault = first_break(approval, [step for step in steps if step is not steps[place]])
    assert fault == f"row {place + 1} is missing"


def test_a_changed_step_is_reported_by_its_number() -> None:
    approval, steps = history()
    changed = [steps[0], steps[1]._replace(actor="auth0|eve"), steps[2]]
    assert first_break(approval, changed) == "row 2 is not the one that row 3 was written after"
    last = [*steps[:2], steps[2]._replace(reason="other")]
    assert first_break(approval, last) == "row 3 is not the one that was written last"


def test_a_chain_computed_again_does_not_fit_the_approval() -> None:
    """To hide a change, the approval itself has to be changed too."""
    approval, _ = history()
    forged, first = add_step(RECEIVED, StepKind.SUBMITTED, NOON, "auth0|eve")
    assert first_break(approval, [first]) is not None
    assert first_break(forged, [first]) is None


@pytest.mark.parametrize(
    "change",
    [
        {"state": State.REJECTED},
        {"decided_by": "auth0|eve"},
        {"decided_at": NOON},
        {"reason": None},
        {"acting_for": None},
        {"total_minutes": 91},
        {"by_day": {MONDAY: 91}},
        {"by_project": {"A": 90}},
        {"person": "auth0|eve"},
        {"week": Week(date(2026, 11, 23))},
        {"head": "1" * 64},
        {"steps": 2},
    ],
    ids=lambda change: next(iter(change)),
)
def test_an_approval_that_says_something_else_than_its_history_shows(
    change: dict[str, Any],
) -> None:
    approval, steps = history()
    assert first_break(approval._replace(**change), steps) is not None


def test_a_void_decision_leads_to_withdrawn() -> None:
    approval, _ = add_step(RECEIVED, StepKind.SUBMITTED, NOON, RECEIVED.person)
    steps = [_]
    decided = model.decide(
        approval,
        DecisionRequest(Decision.REJECT, "no"),
        "auth0|maya",
        Authority(DecisionRole.MANAGER),
        NOON,
    )
    approval, second = add_step(decided, StepKind.REJECTED, NOON, "auth0|maya", reason="no")
    approval, third = add_step(model.void(approval), StepKind.VOID, NOON, approval.person)
    assert first_break(approval, [*steps, second, third]) is None
