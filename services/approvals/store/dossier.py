"""What is known of the submissions that some events tell of: read at once, written at once."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import asyncpg

from libs.rules.calendar import Week
from libs.web.answers import encode_json
from services.approvals.chain import Step
from services.approvals.model import Approval
from services.approvals.store.approvals import (
    COLUMNS_OF_APPROVAL,
    SAVE,
    approval_of,
    changeable_values_of,
)
from services.approvals.store.history import ADD as ADD_HISTORY
from services.approvals.store.history import values_of

# In the order of the key, so that two who lock several do not wait for each other.
LOCK = f"""
    SELECT {COLUMNS_OF_APPROVAL} FROM approvals AS approval
    WHERE approval.id = ANY ($1) ORDER BY approval.id
    FOR UPDATE
"""

READ_PROJECTS = "SELECT person, project FROM approved_projects WHERE person = ANY ($1)"

READ_FIRST_SUBMITTED = """
    SELECT person, monday, min(submitted_at)
    FROM approvals JOIN unnest($1::text[], $2::date[]) AS week (person, monday)
        USING (person, monday)
    GROUP BY person, monday
"""

RECEIVE = """
    INSERT INTO approvals (
        id, state, decided_by, decided_at, reason, acting_for, why, target_minutes, confirmed,
        reopened, steps, head, version, person, monday, total_minutes, by_day, by_project,
        submitted_at, flags, entries
    )
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
        $20, $21)
"""

ADD_PROJECT = """
    INSERT INTO approved_projects (person, project) VALUES ($1, $2) ON CONFLICT DO NOTHING
"""

PersonsWeek = tuple[str, Week]


@dataclass(slots=True)
class Dossier:
    """The submissions asked for, and the past of the weeks asked for as far as flags need it.

    `receive`, `change` and `approve_projects` change it; `save_dossier` writes what they changed.
    """

    approvals: dict[uuid.UUID, Approval]
    approved_projects: dict[str, set[str]]
    """Those on which somebody's hours were approved before, by person."""
    first_submitted: dict[PersonsWeek, datetime]
    received: dict[uuid.UUID, Any] = field(default_factory=dict)
    """The entries of each submission that is new."""
    changed: set[uuid.UUID] = field(default_factory=set)
    steps: list[Step] = field(default_factory=list)
    added_projects: set[tuple[str, str]] = field(default_factory=set)

    def receive(self, approval: Approval, entries: Any, step: Step) -> None:
        self.approvals[approval.id] = approval
        self.received[approval.id] = entries
        self.first_submitted.setdefault((approval.person, approval.week), approval.submitted_at)
        self.steps.append(step)

    def change(self, approval: Approval, step: Step | None = None) -> None:
        self.approvals[approval.id] = approval
        self.changed.add(approval.id)
        if step is not None:
            self.steps.append(step)

    def approve_projects(self, person: str, projects: Iterable[str]) -> None:
        for project in projects:
            self.approved_projects[person].add(project)
            self.added_projects.add((person, project))


async def open_dossier(
    connection: asyncpg.Connection, ids: Set[uuid.UUID], weeks: Set[PersonsWeek]
) -> Dossier:
    """Nobody else changes these submissions until the transaction ends."""
    approvals = map(approval_of, await connection.fetch(LOCK, list(ids)))
    dossier = Dossier({approval.id: approval for approval in approvals}, defaultdict(set), {})
    if weeks:
        people = [person for person, _ in weeks]
        mondays = [week.monday for _, week in weeks]
        for person, project in await connection.fetch(READ_PROJECTS, people):
            dossier.approved_projects[person].add(project)
        for person, monday, first in await connection.fetch(READ_FIRST_SUBMITTED, people, mondays):
            dossier.first_submitted[person, Week(monday)] = first
    return dossier


async def save_dossier(connection: asyncpg.Connection, dossier: Dossier) -> None:
    """Write what was changed, one row a submission however often it changed."""
    received, changed = dossier.received, sorted(dossier.changed - dossier.received.keys())
    await _write(
        connection,
        RECEIVE,
        [
            _all_values(dossier.approvals[received_id], entries)
            for received_id, entries in received.items()
        ],
    )
    await _write(
        connection,
        SAVE,
        [changeable_values_of(dossier.approvals[changed_id]) for changed_id in changed],
    )
    await _write(connection, ADD_HISTORY, [values_of(step) for step in dossier.steps])
    await _write(connection, ADD_PROJECT, sorted(dossier.added_projects))


async def _write(
    connection: asyncpg.Connection, statement: str, rows: list[tuple[Any, ...]]
) -> None:
    if rows:
        await connection.executemany(statement, rows)


def _all_values(approval: Approval, entries: Any) -> tuple[Any, ...]:
    return (
        *changeable_values_of(approval),
        approval.person,
        approval.week.monday,
        approval.total_minutes,
        encode_json(approval.by_day).decode(),
        encode_json(approval.by_project).decode(),
        approval.submitted_at,
        list(approval.flags),
        encode_json(entries).decode(),
    )
