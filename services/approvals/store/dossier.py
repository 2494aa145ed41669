"""What is known of the submissions that some events tell of: read at once, written at once."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Set
from dataclasses import dataclass, field, fields
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

# Many rows as one JSON text: two thirds of the time of a statement for each.
RECEIVE = "INSERT INTO approvals SELECT * FROM json_populate_recordset(NULL::approvals, $1)"
ADD_HISTORY = "INSERT INTO history SELECT * FROM json_populate_recordset(NULL::history, $1)"

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
    if received:
        rows = [_row_of(dossier.approvals[key], entries) for key, entries in received.items()]
        await connection.execute(RECEIVE, encode_json(rows).decode())
    if changed:
        values = [changeable_values_of(dossier.approvals[key]) for key in changed]
        await connection.executemany(SAVE, values)
    if dossier.steps:
        rows = [_row_of_step(step) for step in dossier.steps]
        await connection.execute(ADD_HISTORY, encode_json(rows).decode())
    if dossier.added_projects:
        await connection.executemany(ADD_PROJECT, sorted(dossier.added_projects))


def _row_of(approval: Approval, entries: Any) -> dict[str, Any]:
    """The columns by their names, which are the fields'; a member that is none is passed over."""
    row = {field.name: getattr(approval, field.name) for field in fields(approval)}
    return row | {"week": None, "monday": approval.week.monday, "entries": entries}


def _row_of_step(step: Step) -> dict[str, Any]:
    row = {field.name: getattr(step, field.name) for field in fields(step)}
    return row | {"week": None, "monday": Week.parse(step.week).monday}
