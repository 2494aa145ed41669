"""The submissions that a page of events is about: a unit of work, loaded and saved at once."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import asyncpg

from libs.postgres.records import values_of
from libs.rules.calendar import Week
from services.approvals.chain import Step
from services.approvals.model import Approval, State
from services.approvals.store.approvals import APPROVALS, CHANGEABLE, Submitted, save_approvals
from services.approvals.store.history import add_histories

# In the order of the key, so that two who lock several do not wait for each other.
LOCK = f"""
    SELECT {APPROVALS.columns} FROM approvals AS approval
    WHERE approval.id = ANY ($1::text[]::uuid[]) ORDER BY approval.id
    FOR UPDATE
"""

READ_PROJECTS = "SELECT person, project FROM approved_projects WHERE person = ANY ($1)"

# The last reason: that of the newest decision on the week, if it was a rejection.
READ_PAST = """
    SELECT person, monday, min(submitted_at) AS first_submitted, (
        array_agg(CASE state WHEN 'rejected' THEN reason END ORDER BY submitted_at DESC)
        FILTER (WHERE state IN ('approved', 'rejected'))
    )[1] AS last_reason
    FROM approvals JOIN unnest($1::text[], $2::text[]::date[]) AS week (person, monday)
        USING (person, monday)
    GROUP BY person, monday
"""

FIXED = (
    *("person", "total_minutes", "by_day", "by_project", "submitted_at", "submitted_by"),
    *("flags", "target_minutes", "previous_reason"),
)
COLUMNS_OF_RECEIVED = ("monday", "entries", "absences", "holidays", *FIXED, *CHANGEABLE)

ADD_PROJECT = """
    INSERT INTO approved_projects (person, project) VALUES ($1, $2) ON CONFLICT DO NOTHING
"""

PersonsWeek = tuple[str, Week]


@dataclass(slots=True)
class WeekPast:
    """The facts about a week's earlier submissions that flags and reasons depend on."""

    first_submitted: datetime | None = None
    last_reason: str | None = None


@dataclass(slots=True)
class SubmissionBatch:
    """Submissions, and the past of their weeks.

    `receive`, `change` and `approve_projects` change it; `save` writes what they changed.
    """

    approvals: dict[uuid.UUID, Approval]
    approved_projects: dict[str, set[str]]
    """The projects on which somebody's hours were approved before, by person."""
    weeks: dict[PersonsWeek, WeekPast]
    targets: dict[str, int | None] = field(default_factory=dict)
    """Present weekly targets, for events without one."""
    received: dict[uuid.UUID, Submitted] = field(default_factory=dict)
    """The submitted entries of each submission that is new."""
    changed: set[uuid.UUID] = field(default_factory=set)
    steps: list[Step] = field(default_factory=list)
    added_projects: set[tuple[str, str]] = field(default_factory=set)

    def receive(self, approval: Approval, submitted: Submitted, step: Step) -> None:
        """Add a submission."""
        self.approvals[approval.id] = approval
        self.received[approval.id] = submitted
        past = self.weeks[approval.person, approval.week]
        past.first_submitted = past.first_submitted or approval.submitted_at
        self.steps.append(step)

    def change(self, approval: Approval, step: Step | None = None) -> None:
        """Replace an approval that is known already, and add the step that led there."""
        self.approvals[approval.id] = approval
        self.changed.add(approval.id)
        if approval.state in (State.APPROVED, State.REJECTED):
            is_rejected = approval.state is State.REJECTED
            past = self.weeks[approval.person, approval.week]
            past.last_reason = approval.reason if is_rejected else None
        if step is not None:
            self.steps.append(step)

    def approve_projects(self, person: str, projects: Iterable[str]) -> None:
        """Add the projects that a person has hours approved on."""
        new = set(projects) - self.approved_projects[person]
        self.approved_projects[person] |= new
        self.added_projects |= {(person, project) for project in new}

    @classmethod
    async def load(
        cls, connection: asyncpg.Connection, ids: Set[uuid.UUID], weeks: Set[PersonsWeek]
    ) -> SubmissionBatch:
        """Lock the submissions until the transaction ends, and read the past of the weeks."""
        records = await connection.fetch(LOCK, list(map(str, ids)))
        approvals = map(APPROVALS.decode, records)
        batch = cls(
            {approval.id: approval for approval in approvals},
            defaultdict(set),
            defaultdict(WeekPast),
        )
        if weeks:
            people = [person for person, _ in weeks]
            mondays = [str(week.monday) for _, week in weeks]
            for record in await connection.fetch(READ_PROJECTS, people):
                batch.approved_projects[record["person"]].add(record["project"])
            for record in await connection.fetch(READ_PAST, people, mondays):
                past = WeekPast(record["first_submitted"], record["last_reason"])
                batch.weeks[record["person"], Week(record["monday"])] = past
        return batch

    async def save(self, connection: asyncpg.Connection) -> None:
        """Write what was changed, one row a submission however often it changed."""
        received, changed = self.received, sorted(self.changed - self.received.keys())
        if received:
            # COPY: a statement for each row, or all of them as one JSON text, takes twice as long.
            rows = [_row(self.approvals[key], submitted) for key, submitted in received.items()]
            await connection.copy_records_to_table(
                "approvals", records=rows, columns=COLUMNS_OF_RECEIVED
            )
        if changed:
            await save_approvals(connection, [self.approvals[key] for key in changed])
        if self.steps:
            await add_histories(connection, self.steps)
        if self.added_projects:
            await connection.executemany(ADD_PROJECT, sorted(self.added_projects))


def _row(approval: Approval, submitted: Submitted) -> tuple[Any, ...]:
    """In the order of `COLUMNS_OF_RECEIVED`."""
    texts = (submitted.entries, submitted.absences, submitted.holidays)
    return (
        approval.week.monday,
        *(bytes(text).decode() for text in texts),
        *values_of(approval, (*FIXED, *CHANGEABLE)),
    )
