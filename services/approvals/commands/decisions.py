"""Deciding submissions, one or many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from uuid import UUID

import asyncpg

from libs.changes import Actor, Change, record_changes
from libs.feed.events import deferred_publish
from libs.postgres.pool import Database
from libs.rules.errors import NotVisible, WrongState
from libs.rules.preconditions import UNCONDITIONAL, Preconditions
from services.approvals import model
from services.approvals.chain import Step, StepKind, add_step
from services.approvals.commands.approvals import (
    ApprovalDetails,
    authority_over,
    load_details,
)
from services.approvals.events import publish_decided
from services.approvals.model import (
    Approval,
    Authority,
    Caller,
    DecisionRequest,
    DecisionRole,
    PeriodClosed,
    SelfApproval,
    State,
    Today,
)
from services.approvals.store.approvals import (
    ApprovalWithContext,
    lock_approvals,
    save_decided,
)
from services.approvals.store.period import read_closed_through

DECISION_ERRORS = (NotVisible, PeriodClosed, SelfApproval, WrongState)
DecisionError = NotVisible | PeriodClosed | SelfApproval | WrongState


@dataclass(slots=True)
class _Decisions:
    """Decisions of one caller in one transaction: collected, then saved at once."""

    caller: Caller
    actor: Actor
    request: DecisionRequest
    now: datetime
    closed_through: date | None
    approvals: dict[UUID, ApprovalWithContext]
    decided: dict[UUID, Approval] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)

    @classmethod
    async def load(
        cls,
        connection: asyncpg.Connection,
        ids: Sequence[UUID],
        caller: Caller,
        actor: Actor,
        request: DecisionRequest,
        now: datetime,
    ) -> _Decisions:
        approvals = await lock_approvals(connection, ids)
        closed_through = await read_closed_through(connection)
        return cls(caller, actor, request, now, closed_through, approvals)

    def find(self, approval_id: UUID) -> tuple[ApprovalWithContext, Authority | None]:
        """Raises `NotVisible`."""
        found = self.approvals.get(approval_id)
        if found is None:
            raise NotVisible
        return found, authority_over(found, self.caller, Today.at(self.now))

    def decide(self, approval_id: UUID) -> None:
        """Decide one; repeating a decision changes nothing. Raises one of `DECISION_ERRORS`."""
        found, authority = self.find(approval_id)
        person, request = self.caller.person, self.request
        if model.is_repeated(found.approval, request, person):
            return
        authority = model.check_decidable(
            found.approval, request, authority, person, self.closed_through
        )
        decided, step = add_step(
            model.decide(found.approval, request, person, authority, self.now),
            StepKind(request.decision.outcome.value),
            self.now,
            person,
            reason=request.reason,
            acting_for=authority.acting_for,
            why=authority.why,
        )
        self.approvals[approval_id] = replace(found, approval=decided)
        self.decided[approval_id] = decided
        self.steps.append(step)

    async def save(self, connection: asyncpg.Connection) -> None:
        if not self.decided:
            return
        decided = list(self.decided.values())
        await save_decided(connection, decided, self.steps)
        changes = [_change(approval, self.actor, self.now) for approval in decided]
        await record_changes(connection, [change for change in changes if change])
        async with deferred_publish(connection):
            for approval in decided:
                await publish_decided(connection, approval)


async def decide(
    database: Database,
    approval_id: UUID,
    caller: Caller,
    actor: Actor,
    request: DecisionRequest,
    now: datetime,
    expected: Preconditions = UNCONDITIONAL,
) -> ApprovalDetails:
    """Approve or reject a submission.

    Repeating one's decision changes nothing. Raises one of `DECISION_ERRORS` or `StaleVersion`.
    """

    async def work(connection: asyncpg.Connection) -> ApprovalDetails:
        ids = [approval_id]
        decisions = await _Decisions.load(connection, ids, caller, actor, request, now)
        found, authority = decisions.find(approval_id)
        decisions.decide(approval_id)
        version = found.approval.version
        if decisions.decided and expected.is_stale(version):
            expected.check_version(await load_details(connection, found, authority), version)
        async with deferred_publish(connection):
            await decisions.save(connection)
            return await load_details(connection, decisions.approvals[approval_id], authority)

    return await database.transact(work)


async def decide_many(
    database: Database,
    ids: Sequence[UUID],
    caller: Caller,
    actor: Actor,
    request: DecisionRequest,
    now: datetime,
) -> list[tuple[UUID, DecisionError | None]]:
    """Decide each submission in one transaction. Returns why not, in the order given.

    A refusal of one does not affect the others.
    """

    async def work(connection: asyncpg.Connection) -> list[tuple[UUID, DecisionError | None]]:
        decisions = await _Decisions.load(connection, ids, caller, actor, request, now)
        outcomes = [(approval_id, _try(decisions, approval_id)) for approval_id in ids]
        await decisions.save(connection)
        return outcomes

    return await database.transact(work)


def _try(decisions: _Decisions, approval_id: UUID) -> DecisionError | None:
    try:
        decisions.decide(approval_id)
    except DECISION_ERRORS as error:
        return error
    return None


def _change(approval: Approval, actor: Actor, now: datetime) -> Change | None:
    """The log's row of a decision for the manager; the manager's own is in the history only."""
    if approval.why is DecisionRole.MANAGER:
        return None
    after = {
        "submission_id": str(approval.id),
        "week": str(approval.week),
        "state": approval.state,
        "why": approval.why,
        "acting_for": approval.acting_for,
    }
    before = {"state": State.PENDING}
    return Change(
        "approval", approval.person, approval.state, actor, now, before, after, approval.reason
    )
