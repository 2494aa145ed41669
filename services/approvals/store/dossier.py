"""What is known of the submissions that some events tell of: read at once, written at once."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from libs.rules.calendar import Week
from libs.web.responses import encode_json
from services.approvals.chain import Step
from services.approvals.model import Approval
from services.approvals.store.approvals import (
    CHANGEABLE,
    COLUMNS_OF_APPROVAL,
    approval_of,
    changeable_values_of,
    save_approvals,
)
from services.approvals.store.history import add_histories

# In the order of the key, so that two who lock several do not wait for each other.
LOCK = f"""
    SELECT {COLUMNS_OF_APPROVAL} FROM approvals AS approval
    WHERE approval.id = ANY ($1::text[]::uuid[]) ORDER BY approval.id
    FOR UPDATE
"""

READ_PROJECTS = "SELECT person, project FROM approved_projects WHERE person = ANY ($1)"

READ_FIRST_SUBMITTED = """
    SELECT person, monday, min(submitted_at)
    FROM approvals JOIN unnest($1::text[], $2::text[]::date[]) AS week (person, monday)
        USING (person, monday)
    GROUP BY person, monday
"""

COLUMNS_OF_RECEIVED = (
    *("person", "monday", "total_minutes", "by_day", "by_project", "entries"),
    *("submitted_at", "flags", *CHANGEABLE),
)

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
    received: dict[uuid.UUID, msgspec.Raw] = field(default_factory=dict)
    """The entries of each submission that is new."""
    changed: set[uuid.UUID] = field(default_factory=set)
    steps: list[Step] = field(default_factory=list)
    added_projects: set[tuple[str, str]] = field(default_factory=set)

    def receive(self, approval: Approval, entries: msgspec.Raw, step: Step) -> None:
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
        new = set(projects) - self.approved_projects[person]
        self.approved_projects[person] |= new
        self.added_projects |= {(person, project) for project in new}


async def open_dossier(
    connection: asyncpg.Connection, ids: Set[uuid.UUID], weeks: Set[PersonsWeek]
) -> Dossier:
    """Nobody else changes these submissions until the transaction ends."""
    approvals = map(approval_of, await connection.fetch(LOCK, list(map(str, ids))))
    dossier = Dossier({approval.id: approval for approval in approvals}, defaultdict(set), {})
    if weeks:
        people = [person for person, _ in weeks]
        mondays = [str(week.monday) for _, week in weeks]
        for person, project in await connection.fetch(READ_PROJECTS, people):
            dossier.approved_projects[person].add(project)
        for person, monday, first in await connection.fetch(READ_FIRST_SUBMITTED, people, mondays):
            dossier.first_submitted[person, Week(monday)] = first
    return dossier


async def save_dossier(connection: asyncpg.Connection, dossier: Dossier) -> None:
    """Write what was changed, one row a submission however often it changed."""
    received, changed = dossier.received, sorted(dossier.changed - dossier.received.keys())
    if received:
        # COPY: a statement for each row, or all of them as one JSON text, takes twice as long.
        rows = [_values_of(dossier.approvals[key], entries) for key, entries in received.items()]
        await connection.copy_records_to_table(
            "approvals", records=rows, columns=COLUMNS_OF_RECEIVED
        )
    if changed:
        await save_approvals(connection, [dossier.approvals[key] for key in changed])
    if dossier.steps:
        await add_histories(connection, dossier.steps)
    if dossier.added_projects:
        await connection.executemany(ADD_PROJECT, sorted(dossier.added_projects))


def _values_of(approval: Approval, entries: msgspec.Raw) -> tuple[Any, ...]:
    """In the order of `COLUMNS_OF_RECEIVED`."""
    return (
        approval.person,
        approval.week.monday,
        approval.total_minutes,
        encode_json(approval.by_day).decode(),
        encode_json(approval.by_project).decode(),
        bytes(entries).decode(),
        approval.submitted_at,
        approval.flags,
        *changeable_values_of(approval),
    )
