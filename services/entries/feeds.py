"""Applies the events of approvals and profile in entries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal
from uuid import UUID

import asyncpg
import msgspec

from libs.feed import Event, publish
from libs.feed.applying import Handlers
from libs.feed.wire import Delivery, data_as
from libs.rules.calendar import Week
from libs.service.admission import record_access_of
from services.entries import model
from services.entries.commands.weeks_off import (
    publish_changed_weeks_off,
    publish_first_weeks_off,
)
from services.entries.events import facts_of, publish_left_open
from services.entries.model import Timesheet
from services.entries.store import timesheets as store
from services.entries.store.people import learn_people, list_active, read_working_times
from services.entries.store.period import read_closed_through
from services.entries.store.timesheets import PersonsWeek


class Decided(msgspec.Struct, frozen=True):
    """`approval.decided`."""

    submission_id: UUID
    person: str
    week: str
    decision: Literal["approved", "rejected"]
    reason: str | None
    decided_by: str

    @property
    def key(self) -> PersonsWeek:
        """The week that the event is about."""
        return self.person, Week.parse(self.week)


class Outcome(msgspec.Struct, frozen=True):
    """A decision that took effect: the week as it was decided on, and as it is now."""

    decision: Decided
    before: Timesheet
    after: Timesheet

    @property
    def row(self) -> tuple[Timesheet, UUID, str, str]:
        """As `save_decided` takes it."""
        decision = self.decision
        return self.after, decision.submission_id, decision.decision, decision.decided_by


class LeftPerson(msgspec.Struct, frozen=True):
    """The part of `person.changed` that says whether the person is active."""

    person: str
    active: bool


async def on_decisions(connection: asyncpg.Connection, events: Sequence[Delivery]) -> None:
    """Apply decisions, and declare those void whose week was withdrawn first."""
    decisions = [data_as(Decided, event) for event in events]
    outcomes = await _decide(connection, decisions)
    applied = [outcome for outcome in outcomes if outcome is not None]
    await store.save_decided(connection, [outcome.row for outcome in applied])
    totals = await store.total_weeks_by_project(connection, {each.decision.key for each in applied})
    late = {
        decision.key
        for decision, outcome in zip(decisions, outcomes, strict=True)
        if outcome is None
    }
    known = await store.read_decided(connection, late) if late else frozenset()
    for event, decision, outcome in zip(events, decisions, outcomes, strict=True):
        if outcome is not None:
            answer = _outcome_event(outcome, totals[decision.key], event)
        elif decision.submission_id not in known:
            answer = _void_event(decision, event)
        else:
            continue
        await publish(connection, answer, event.traceparent)


async def _decide(
    connection: asyncpg.Connection, decisions: Sequence[Decided]
) -> list[Outcome | None]:
    """The new state of each week; None for a decision that came too late."""
    sheets = await store.lock_timesheets(connection, {decision.key for decision in decisions})
    closed_through = await read_closed_through(connection)
    outcomes: list[Outcome | None] = []
    for decision in decisions:
        before = sheets[decision.key]
        after = model.decide(
            before,
            decision.submission_id,
            decision.reason,
            approved=decision.decision == "approved",
            closed_through=closed_through,
        )
        outcomes.append(Outcome(decision, before, after) if after is not None else None)
        sheets[decision.key] = after or before
    return outcomes


async def on_people(connection: asyncpg.Connection, events: Sequence[Delivery]) -> None:
    """Keep people, contracts and access as they are; publish the weeks that leavers left open."""
    received = [data_as(dict[str, Any], event) for event in events]
    people = {data["person"] for data in received}
    before = await read_working_times(connection, people)
    were_active = await list_active(connection, people)
    await learn_people(connection, received)
    await record_access_of(connection, events)
    await _publish_left_open(connection, events)
    after = await read_working_times(connection, people)
    returned = await list_active(connection, before.keys() - were_active)
    now = events[-1].time
    for person, working_time in sorted(after.items(), key=lambda item: item[0]):
        if person not in before:
            await publish_first_weeks_off(connection, person, now)
        elif person in returned:
            # Meanwhile nothing was published of the person.
            await publish_changed_weeks_off(connection, person, None, now)
        elif working_time != before[person]:
            await publish_changed_weeks_off(connection, person, before[person], now)


async def _publish_left_open(connection: asyncpg.Connection, events: Sequence[Delivery]) -> None:
    """Publish the open weeks of inactive people: approvals knows only what was submitted."""
    changed = [(data_as(LeftPerson, event), event.time) for event in events]
    inactive = {data.person: time for data, time in changed if not data.active}
    if not inactive:
        return
    for person, week, minutes in await store.list_open_weeks(connection, inactive.keys()):
        await publish_left_open(connection, person, week, minutes, inactive[person])


HANDLERS: Mapping[str, Handlers] = {
    "approvals": {"approval.decided": on_decisions},
    "profile": {"person.changed": on_people},
}


def _outcome_event(outcome: Outcome, by_project: Mapping[str, int], event: Delivery) -> Event:
    """The time of the event is that of the decision."""
    decision = outcome.decision
    data = {**facts_of(outcome.before, by_project), "decided_by": decision.decided_by}
    if decision.decision == "rejected":
        data["reason"] = decision.reason
    else:
        data["late"] = outcome.after.late
    return _event(f"timesheet.{decision.decision}", decision, data, event)


def _void_event(decision: Decided, event: Delivery) -> Event:
    data = {
        "submission_id": str(decision.submission_id),
        "person": decision.person,
        "week": decision.week,
        "decided_by": decision.decided_by,
        "decision": decision.decision,
    }
    return _event("decision.void", decision, data, event)


def _event(kind: str, decision: Decided, data: dict[str, Any], event: Delivery) -> Event:
    return Event(type=kind, subject=str(decision.submission_id), time=event.time, data=data)
