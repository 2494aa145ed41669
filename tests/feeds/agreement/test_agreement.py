"""A model check: entries and approvals agree in the end after any crossing, repetition or crash.

Hypothesis drives both services, with their real databases, through steps in any order. The events
of a feed are handled several at a time, as in production, also when they fail together and are
then handled one by one. When all feeds are drained, both say the same of every submission; every
decision took effect once, on the submission it names, or was declared void; and each was made by
a person who may decide. At the end a new
approvals database, which follows from the start, has the same waiting.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from uuid import UUID

import pytest
import structlog
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from services.entries import model
from services.entries.model import State, Timesheet
from tests.conftest import Databases
from tests.feeds.agreement.world import World

PEOPLE = ("erin", "maya")
APPROVERS = ("maya", "marco", "ada")
WEEKS = ("2026-W46", "2026-W47")
MONDAYS = {"2026-W46": "2026-11-09", "2026-W47": "2026-11-16"}
LINKS = (
    "entries to approvals",
    "approvals to entries",
    "profile to approvals",
    "profile to entries",
)

numbers = st.integers(0, 5)
links = st.sampled_from(LINKS)

STATES = """
    SELECT split_part(person, '|', 2) || ' ' || to_char(monday, 'IYYY"-W"IW'), state FROM weeks
"""
STEPS = "SELECT submission_id, event FROM week_history ORDER BY number"
STANDING = "SELECT submission_id, state FROM weeks WHERE state <> 'open'"
APPROVALS = "SELECT id, person, state, reopened FROM approvals"
APPROVALS_PENDING_FIRST = f"{APPROVALS} ORDER BY state <> 'pending', submitted_at, id"
PENDING = """
    SELECT id, person, monday, total_minutes, by_day, by_project, entries, submitted_at
    FROM approvals WHERE state = 'pending' ORDER BY submitted_at, id
"""
OUTCOMES = """
    SELECT type, data FROM events
    WHERE type IN ('timesheet.approved', 'timesheet.rejected', 'decision.void')
"""
DECISIONS = "SELECT subject, data FROM events WHERE type = 'approval.decided'"
DEAD_LETTERS = "SELECT type, reason FROM feed_set_aside"
LEARNED = "SELECT person, manager FROM people"

# The state in approvals of a submission whose last step in entries is this one.
SHOWN = {
    "submitted": ("pending", False),
    "withdrawn": ("withdrawn", False),
    "approved": ("approved", False),
    "rejected": ("rejected", False),
    "reopened": ("approved", True),
}


class Agreement(RuleBasedStateMachine):
    """`world` is set by the test; each example begins with an empty one."""

    world: World

    @initialize()
    def begin(self) -> None:
        self.world.empty()
        self.versions = dict.fromkeys((*PEOPLE, "marco"), 0)
        for person, manager in (("erin", "maya"), ("marco", "maya")):
            self.change_manager(person, manager)
        self.change_manager("maya", None)

    @rule(which=numbers, day=st.integers(0, 4), minutes=st.integers(0, 700))
    def submit(self, which: int, day: int, minutes: int) -> None:
        person, week = self._pick_week(which, "open")
        if minutes:
            date = f"{MONDAYS[week][:8]}{int(MONDAYS[week][8:]) + day:02}"
            body = {"date": date, "project": "APOLLO", "minutes": minutes}
            reply = self.world.call("entries", person, "POST", "/v1/entries", body)
            assert reply.status in (201, 409, 422), reply.json
        self._step(person, week, "submit")

    @rule(which=numbers)
    def withdraw(self, which: int) -> None:
        self._step(*self._pick_week(which, "submitted"), "withdraw")

    @rule(which=numbers)
    def reopen(self, which: int) -> None:
        person, week = self._pick_week(which, "approved")
        body = {"person": f"auth0|{person}", "reason": "wrong rate"}
        path = f"/v1/timesheets/{week}/reopen"
        reply = self.world.call("entries", "ada", "POST", path, body)
        # 404: entries has not heard of the person yet.
        assert reply.status in (200, 404, 409), reply.json

    @rule(approver=st.sampled_from(APPROVERS), which=numbers, approve=st.booleans())
    def decide(self, approver: str, which: int, approve: bool) -> None:
        approvals = self.world.rows("approvals", APPROVALS_PENDING_FIRST)
        if not approvals:
            return
        approval = approvals[which % len(approvals)]
        decision = {"decision": "approve"} if approve else {"decision": "reject", "reason": "no"}
        path = f"/v1/approvals/{approval['id']}/decision"
        reply = self.world.call("approvals", approver, "PUT", path, decision)
        assert reply.status in (200, 403, 404, 409), reply.json
        if approval["state"] == "pending":
            assert (reply.status == 200) == self._may_decide(approver, approval["person"])

    @rule(person=st.sampled_from((*PEOPLE, "marco")), manager=st.sampled_from((*APPROVERS, None)))
    def change_manager(self, person: str, manager: str | None) -> None:
        if person != manager:
            self.versions[person] += 1
            self.world.tell_person(person, manager, self.versions[person])

    @rule(link=links, limit=st.integers(1, 6), again=st.integers(0, 3))
    def deliver(self, link: str, limit: int, again: int) -> None:
        self.world.deliver(link, limit, again)

    @rule(link=links, limit=st.integers(1, 6), statements=st.integers(0, 12))
    def die_while_delivering(self, link: str, limit: int, statements: int) -> None:
        self.world.deliver(link, limit, crash=statements)

    @rule(link=links, limit=st.integers(2, 6), statements=st.integers(0, 12))
    def stumble_while_delivering(self, link: str, limit: int, statements: int) -> None:
        self.world.deliver(link, limit, stumble=statements)

    @rule(link=links)
    def restart(self, link: str) -> None:
        self.world.restart(link)

    @rule()
    def drain(self) -> None:
        handed_on = 1
        while handed_on:
            handed_on = sum(self.world.deliver(link, 100) for link in LINKS)
        self._check_agreement()

    @invariant()
    def there_are_no_dead_letters(self) -> None:
        for service in ("entries", "approvals"):
            assert self.world.rows(service, DEAD_LETTERS) == []

    def teardown(self) -> None:
        if hasattr(self, "versions"):
            self.drain()
            self._check_late_follower()

    def _step(self, person: str, week: str, step: str) -> None:
        reply = self.world.call("entries", person, "POST", f"/v1/timesheets/{week}/{step}")
        assert reply.status in (200, 409), reply.json

    def _pick_week(self, which: int, state: str) -> tuple[str, str]:
        """One of the weeks in that state, or any where there is none: then the step is refused."""
        stored = dict(self.world.rows("entries", STATES))
        everything = [(person, week) for person in PEOPLE for week in WEEKS]
        fitting = [
            (person, week)
            for person, week in everything
            if stored.get(f"{person} {week}", "open") == state
        ]
        choice = fitting or everything
        return choice[which % len(choice)]

    def _may_decide(self, approver: str, person: str) -> bool:
        """By what approvals has learned so far."""
        if person == f"auth0|{approver}":
            return False
        managers = dict(self.world.rows("approvals", LEARNED))
        return approver == "ada" or managers.get(person) == f"auth0|{approver}"

    def _check_agreement(self) -> None:
        last_steps: dict[UUID, str] = dict(self.world.rows("entries", STEPS))
        shown = {
            row["id"]: (row["state"], row["reopened"])
            for row in self.world.rows("approvals", APPROVALS)
        }
        assert shown == {submission: SHOWN[step] for submission, step in last_steps.items()}
        assert dict(self.world.rows("entries", STANDING)) == {
            submission: step
            for submission, step in last_steps.items()
            if step in ("submitted", "approved")
        }
        self._check_decisions()

    def _check_late_follower(self) -> None:
        """A late follower that starts at the beginning has the same pending approvals."""
        pending = self.world.rows("approvals", PENDING)
        self.world.start_over("entries to approvals")
        while self.world.deliver("entries to approvals", 100):
            pass
        assert self.world.rows("approvals", PENDING) == pending

    def _check_decisions(self) -> None:
        decided = {
            subject: json.loads(data) for subject, data in self.world.rows("approvals", DECISIONS)
        }
        outcomes: dict[str, str] = {}
        for kind, data in self.world.rows("entries", OUTCOMES):
            submission = json.loads(data)["submission_id"]
            assert submission not in outcomes, "a decision took effect twice"
            outcomes[submission] = kind
        assert decided.keys() == outcomes.keys()
        for submission, kind in outcomes.items():
            decision = decided[submission]
            assert decision["decided_by"] != decision["person"]
            assert kind in ("decision.void", f"timesheet.{decision['decision']}")


@pytest.fixture(scope="module")
def world(databases: Databases) -> Iterator[World]:
    made = World(databases.own("entries"), databases.own("approvals"))
    made.start()
    yield made
    made.stop()


def check(world: World, examples: int) -> None:
    quiet = structlog.make_filtering_bound_logger("critical")
    structlog.configure(wrapper_class=quiet)
    machine = type("Agreement", (Agreement,), {"world": world})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=50,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_after_a_thousand_steps_in_any_order_both_agree(world: World) -> None:
    check(world, examples=20)


@pytest.mark.endurance
@pytest.mark.timeout(3600)
def test_after_ten_thousand_steps_in_any_order_both_agree(world: World) -> None:
    check(world, examples=200)


@pytest.fixture
def without_the_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """A decision lands on whatever submission there is. The check itself is checked: it must
    fail now."""
    decide: Callable[..., Timesheet | None] = model.decide

    def decide_whatever_is_submitted(
        sheet: Timesheet, _submission_id: UUID, reason: str | None, *, approved: bool
    ) -> Timesheet | None:
        if sheet.state is State.SUBMITTED and sheet.submission_id is not None:
            return decide(sheet, sheet.submission_id, reason, approved=approved)
        return None

    monkeypatch.setattr(model, "decide", decide_whatever_is_submitted)


@pytest.mark.usefixtures("without_the_rule")
def test_a_decision_that_lands_on_another_submission_is_caught(world: World) -> None:
    machine = type("Agreement", (Agreement,), {"world": world})()
    machine.begin()
    machine.drain()
    machine.submit(0, 0, 480)
    machine.drain()
    machine.decide("maya", 0, True)
    machine.withdraw(0)
    machine.submit(0, 0, 0)
    with pytest.raises(AssertionError):
        machine.drain()
