"""The rules that lock absences as a table; the model and the API follow it.

An absence locks with the weeks and the closed days that it touches; only days that change count.
The database guards entries alone, and the app leaves the refusal to the server.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date

import asyncpg
import pytest

from libs.rules.calendar import Week
from services.entries import model
from services.entries.calendar import AbsenceDraft, AbsenceKind, changed_days
from services.entries.model import State
from tests.api.entries.test_calendar import absence
from tests.rules.cases import DAY, DAY_BEFORE, NEXT_DAY, OTHER_WEEK, Case
from tests.rules.world import Scene
from tests.support.client import Service

DONE = None
"""It is as it was to be; otherwise the `lock_reason`."""


@dataclass(frozen=True, slots=True)
class AbsenceCase:
    """As `Case`, for an absence: (first day, last day, kind)."""

    before: tuple[date, date, str] | None
    after: tuple[date, date, str] | None
    state: State = State.OPEN
    other_state: State = State.OPEN
    closed_through: date | None = None

    def state_of(self, day: date) -> State:
        states = {Week.of(DAY): self.state, Week.of(OTHER_WEEK): self.other_state}
        return states.get(Week.of(day), State.OPEN)


ONE, TWO = (DAY, DAY, "vacation"), (DAY, NEXT_DAY, "vacation")
LATER, BOTH_WEEKS = (NEXT_DAY, NEXT_DAY, "vacation"), (DAY, OTHER_WEEK, "vacation")
SICK, NEXT_WEEK = (DAY, DAY, "sick"), (OTHER_WEEK, OTHER_WEEK, "vacation")
SUBMITTED, APPROVED = State.SUBMITTED, State.APPROVED

TABLE: dict[str, tuple[AbsenceCase, str | None]] = {
    "new": (AbsenceCase(None, ONE), DONE),
    "new, week submitted": (AbsenceCase(None, ONE, SUBMITTED), "submitted"),
    "new, week approved": (AbsenceCase(None, ONE, APPROVED), "approved"),
    "new, day closed": (AbsenceCase(None, ONE, closed_through=DAY), "closed"),
    "new, day before closed": (AbsenceCase(None, ONE, closed_through=DAY_BEFORE), DONE),
    "new, first day closed": (AbsenceCase(None, TWO, closed_through=DAY), "closed"),
    "new, week approved and closed": (
        AbsenceCase(None, ONE, APPROVED, closed_through=DAY),
        "approved",
    ),
    "new, other week submitted": (AbsenceCase(None, ONE, other_state=SUBMITTED), DONE),
    "new over two weeks, second submitted": (
        AbsenceCase(None, BOTH_WEEKS, other_state=SUBMITTED),
        "submitted",
    ),
    "new over two weeks, second approved": (
        AbsenceCase(None, BOTH_WEEKS, SUBMITTED, APPROVED),
        "submitted",
    ),
    "new over two weeks, first closed": (
        AbsenceCase(None, BOTH_WEEKS, other_state=SUBMITTED, closed_through=DAY),
        "closed",
    ),
    "other kind": (AbsenceCase(ONE, SICK), DONE),
    "other kind, week submitted": (AbsenceCase(ONE, SICK, SUBMITTED), "submitted"),
    "other kind, week approved": (AbsenceCase(ONE, SICK, APPROVED), "approved"),
    "other kind, day closed": (AbsenceCase(ONE, SICK, closed_through=DAY), "closed"),
    "longer": (AbsenceCase(ONE, TWO), DONE),
    "longer, week submitted": (AbsenceCase(ONE, TWO, SUBMITTED), "submitted"),
    "longer, only the old day closed": (AbsenceCase(ONE, TWO, closed_through=DAY), DONE),
    "longer, the new day closed": (AbsenceCase(ONE, TWO, closed_through=NEXT_DAY), "closed"),
    "longer, only the old week approved": (AbsenceCase(ONE, BOTH_WEEKS, APPROVED), "approved"),
    "longer, the new week approved": (
        AbsenceCase(ONE, BOTH_WEEKS, other_state=APPROVED),
        "approved",
    ),
    "shorter": (AbsenceCase(TWO, ONE), DONE),
    "shorter, only the kept day closed": (AbsenceCase(TWO, ONE, closed_through=DAY), DONE),
    "shorter, the day that goes closed": (
        AbsenceCase(TWO, ONE, closed_through=NEXT_DAY),
        "closed",
    ),
    "shorter, week submitted": (AbsenceCase(TWO, ONE, SUBMITTED), "submitted"),
    "moved off a closed day": (AbsenceCase(ONE, LATER, closed_through=DAY), "closed"),
    "moved out of an approved week": (AbsenceCase(ONE, NEXT_WEEK, APPROVED), "approved"),
    "moved into a submitted week": (
        AbsenceCase(ONE, NEXT_WEEK, other_state=SUBMITTED),
        "submitted",
    ),
    "the same, week approved and day closed": (
        AbsenceCase(ONE, ONE, APPROVED, closed_through=DAY),
        DONE,
    ),
    "delete": (AbsenceCase(ONE, None), DONE),
    "delete, week submitted": (AbsenceCase(ONE, None, SUBMITTED), "submitted"),
    "delete, week approved": (AbsenceCase(ONE, None, APPROVED), "approved"),
    "delete, day closed": (AbsenceCase(ONE, None, closed_through=DAY), "closed"),
    "delete, last day closed": (AbsenceCase(TWO, None, closed_through=DAY), "closed"),
    "delete, second week submitted": (
        AbsenceCase(BOTH_WEEKS, None, other_state=SUBMITTED),
        "submitted",
    ),
}


def by_model(case: AbsenceCase) -> str | None:
    """The model, called as the command calls it."""
    before, after = _draft(case.before), _draft(case.after)
    try:
        for day in changed_days(before, after) if before != after else ():
            model.check_change(day, case.state_of(day), case.closed_through)
    except model.Locked as refusal:
        return refusal.lock.reason
    return DONE


async def by_api(case: AbsenceCase, service: Service, scene: Scene) -> str | None:
    caller = service.caller(scene.name)
    path = f"/v1/absences/{uuid.uuid4()}"
    await scene.open_all()
    if case.before is not None:
        assert (await caller.put(path, _body(case.before))).status == 201
    await scene.settle(
        Case(None, None, case.state, case.other_state, closed_through=case.closed_through)
    )
    if case.after is None:
        reply = await caller.delete(path)
    else:
        reply = await caller.put(path, _body(case.after))
    kept = (await caller.get("/v1/absences")).json["items"]
    shown = [(item["from"], item["to"], item["kind"]) for item in kept]
    if reply.status == 409:
        assert shown == _shown(case.before)
        return str(reply.json["lock_reason"])
    assert reply.status in (200, 201, 204), reply.body
    assert shown == _shown(case.after)
    return DONE


@pytest.mark.parametrize("name", TABLE)
def test_the_model_follows_the_table(name: str) -> None:
    case, expected = TABLE[name]
    assert by_model(case) == expected


async def test_the_api_follows_the_table(entries: Service, connection: asyncpg.Connection) -> None:
    wrong = {}
    for name, (case, expected) in TABLE.items():
        if (outcome := await by_api(case, entries, Scene(connection))) != expected:
            wrong[name] = outcome
    assert wrong == {}


def _draft(values: tuple[date, date, str] | None) -> AbsenceDraft | None:
    if values is None:
        return None
    first, last, kind = values
    return AbsenceDraft(first, last, AbsenceKind(kind), 1.0, "")


def _body(values: tuple[date, date, str]) -> object:
    first, last, kind = values
    return absence(str(first), str(last), kind=kind)


def _shown(values: tuple[date, date, str] | None) -> list[tuple[str, str, str]]:
    return [] if values is None else [(str(values[0]), str(values[1]), values[2])]
