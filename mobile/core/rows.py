"""Rows of the local store as values."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import date, datetime
from sqlite3 import Row

from mobile.core.rules import State
from mobile.core.wire import Entry, HistoryEvent, Project, Timesheet, read


def entry_of(row: Row) -> Entry:
    """The entry of a stored row."""
    return Entry(
        id=row["id"],
        date=date.fromisoformat(row["date"]),
        project=row["project"],
        minutes=row["minutes"],
        version=row["version"],
        task=row["task"],
        note=row["note"],
        billable=bool(row["billable"]),
        source=row["source"],
        created_at=datetime.fromisoformat(row["created_at"]) if row["created_at"] else None,
    )


def timesheet_of(row: Row) -> Timesheet:
    """The timesheet of a stored row."""
    return Timesheet(
        week=row["week"],
        state=State(row["state"]),
        version=row["version"],
        submission_id=row["submission_id"],
        reason=row["reason"],
        target_minutes=row["target_minutes"],
        total_minutes=row["total_minutes"],
        history=tuple(read(HistoryEvent, step) for step in json.loads(row["history"])),
    )


def project_of(row: Row) -> Project:
    """The project of a stored row."""
    return Project(
        code=row["code"],
        name=row["name"],
        customer=row["customer"],
        active=bool(row["active"]),
        billable=bool(row["billable"]),
        tasks=tuple(json.loads(row["tasks"])),
        note_required=bool(row["note_required"]),
    )


def history_text(steps: Iterable[HistoryEvent]) -> str:
    """The steps of a history as text that a row can hold."""
    return json.dumps([asdict(step) for step in steps], default=_moment_text)


def _moment_text(value: object) -> str:
    if not isinstance(value, datetime):
        raise TypeError(type(value).__name__)
    return value.isoformat()
