"""The local copy of the server's data; the outbox is laid over it when it is read."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date
from typing import Any

from mobile.core.calendar_store import CalendarStore
from mobile.core.database import Database
from mobile.core.rows import entry_of, history_text, project_of, timesheet_of
from mobile.core.rules import ApprovalState
from mobile.core.validators import Validators
from mobile.core.wire import (
    Approval,
    Entry,
    Json,
    Project,
    Timesheet,
    read,
)


class Store:
    """The server's data as it was last seen, and single values of the app."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection = database.connection
        self.calendar = CalendarStore(database)
        self.validators = Validators(database)

    # Single values: scopes, rules, profile, timer, draft, favourites.

    def get(self, key: str) -> Any:
        """The value under the key, or None."""
        row = self._connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else json.loads(row["value"])

    def set(self, key: str, value: Any) -> None:
        """Keep a value under the key."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO meta (key, value) VALUES (?, ?)"
                " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                (key, json.dumps(value)),
            )

    def forget(self, key: str) -> None:
        """Remove the value under the key."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM meta WHERE key = ?", (key,))

    # Entries

    def entries(self, since: date, until: date) -> list[Entry]:
        """The entries of a range of days."""
        rows = self._connection.execute(
            "SELECT * FROM entries WHERE date BETWEEN ? AND ?", (str(since), str(until))
        )
        return [entry_of(row) for row in rows]

    def entry(self, entry_id: str) -> Entry | None:
        """The entry with this id, or None."""
        row = self._connection.execute("SELECT * FROM entries WHERE id = ?", (entry_id,)).fetchone()
        return None if row is None else entry_of(row)

    def put_entry(self, entry: Entry) -> None:
        """Keep one entry, new or changed."""
        self._put_entries([entry])

    def remove_entry(self, entry_id: str) -> None:
        """Forget one entry."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM entries WHERE id = ?", (entry_id,))

    def replace_entries(self, since: date, until: date, entries: Iterable[Entry]) -> None:
        """Replace every entry between two days, both included."""
        with self._database.transaction() as connection:
            connection.execute(
                "DELETE FROM entries WHERE date BETWEEN ? AND ?", (str(since), str(until))
            )
            self._put_entries(entries)

    def _put_entries(self, entries: Iterable[Entry]) -> None:
        with self._database.transaction() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO entries"
                " (id, date, project, task, minutes, note, billable, source, version, created_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        *(entry.id, str(entry.date), entry.project, entry.task, entry.minutes),
                        *(entry.note, entry.billable, entry.source, entry.version),
                        entry.created_at.isoformat() if entry.created_at is not None else "",
                    )
                    for entry in entries
                ],
            )

    def search_entries(self, text: str, limit: int) -> list[Entry]:
        """Entries whose note, task or project contains every word, newest first."""
        terms = text.casefold().split()
        if not terms:
            return []
        text_of = "note || ' ' || coalesce(task, '') || ' ' || project || ' ' || name || customer"
        condition = " AND ".join([f"instr(casefold({text_of}), ?)"] * len(terms))
        rows = self._connection.execute(
            "SELECT entries.* FROM entries JOIN projects ON code = project"
            f" WHERE {condition} ORDER BY date DESC, created_at DESC LIMIT ?",
            (*terms, limit),
        )
        return [entry_of(row) for row in rows]

    def recent_projects(self, limit: int) -> list[str]:
        """The codes of the projects of the last 200 entries, the latest first."""
        rows = self._connection.execute(
            "SELECT project, max(date) AS last FROM"
            " (SELECT project, date FROM entries ORDER BY date DESC LIMIT 200)"
            " GROUP BY project ORDER BY last DESC, count(*) DESC LIMIT ?",
            (limit,),
        )
        return [row["project"] for row in rows]

    def notes_of(self, project: str, limit: int) -> list[str]:
        """Earlier notes of a project, the latest first."""
        rows = self._connection.execute(
            "SELECT note, max(date) AS last FROM entries"
            " WHERE project = ? AND note != '' GROUP BY note ORDER BY last DESC LIMIT ?",
            (project, limit),
        )
        return [row["note"] for row in rows]

    def count_entries(self) -> int:
        """The number of kept entries."""
        [count] = self._connection.execute("SELECT count(*) FROM entries").fetchone()
        return int(count)

    # Weeks

    def timesheet(self, week: str) -> Timesheet | None:
        """The timesheet of the week, or None."""
        row = self._connection.execute(
            "SELECT * FROM timesheets WHERE week = ?", (week,)
        ).fetchone()
        return None if row is None else timesheet_of(row)

    def timesheets(self, since: str, until: str) -> list[Timesheet]:
        """Known weeks, newest first."""
        rows = self._connection.execute(
            "SELECT * FROM timesheets WHERE week BETWEEN ? AND ? ORDER BY week DESC",
            (since, until),
        )
        return [timesheet_of(row) for row in rows]

    def has_week(self, week: str) -> bool:
        """Whether the week's entries have been read from the server."""
        row = self._connection.execute(
            "SELECT has_entries FROM timesheets WHERE week = ?", (week,)
        ).fetchone()
        return row is not None and bool(row["has_entries"])

    def put_timesheets(self, timesheets: Iterable[Timesheet], *, with_entries: bool) -> None:
        """Store weeks. A list brings no history, so the history that is known stays."""
        with self._database.transaction() as connection:
            connection.executemany(
                "INSERT INTO timesheets (week, state, version, submission_id, reason,"
                " target_minutes, total_minutes, history, days, has_entries)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, '[]', ?)"
                " ON CONFLICT (week) DO UPDATE SET state = excluded.state,"
                " version = excluded.version, submission_id = excluded.submission_id,"
                " reason = excluded.reason, target_minutes = excluded.target_minutes,"
                " total_minutes = excluded.total_minutes,"
                " history = CASE excluded.history WHEN '[]' THEN history ELSE excluded.history END,"
                " has_entries = max(has_entries, excluded.has_entries)",
                [
                    (
                        *(each.week, each.state, each.version, each.submission_id, each.reason),
                        *(each.target_minutes, each.total_minutes, history_text(each.history)),
                        with_entries,
                    )
                    for each in timesheets
                ],
            )

    # Projects

    @property
    def projects_version(self) -> int:
        """Counts replacements, so that what shows project names knows when to read them again."""
        return self._database.projects_version

    def projects(self) -> list[Project]:
        """All projects by name."""
        rows = self._connection.execute("SELECT * FROM projects ORDER BY name COLLATE NOCASE")
        return [project_of(row) for row in rows]

    def project(self, code: str) -> Project | None:
        """The project with this code, or None."""
        row = self._connection.execute("SELECT * FROM projects WHERE code = ?", (code,)).fetchone()
        return None if row is None else project_of(row)

    def replace_projects(self, projects: Iterable[Project]) -> None:
        """Keep these projects instead of all that were kept."""
        self._database.projects_version += 1
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM projects")
            connection.executemany(
                "INSERT OR REPLACE INTO projects"
                " (code, name, customer, active, billable, tasks, note_required)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        *(each.code, each.name, each.customer, each.active, each.billable),
                        *(json.dumps(each.tasks), each.note_required),
                    )
                    for each in projects
                ],
            )

    # Approvals

    def approvals(self, *states: ApprovalState) -> list[Approval]:
        """Oldest submission first."""
        placeholders = ", ".join("?" * len(states))
        rows = self._connection.execute(
            f"SELECT body FROM approvals WHERE state IN ({placeholders}) ORDER BY submitted_at, id",
            states,
        )
        return [read(Approval, json.loads(row["body"])) for row in rows]

    def approval(self, approval_id: str) -> tuple[Approval, bool] | None:
        """The approval, and whether its entries and history have been read."""
        row = self._connection.execute(
            "SELECT body, detailed FROM approvals WHERE id = ?", (approval_id,)
        ).fetchone()
        if row is None:
            return None
        return read(Approval, json.loads(row["body"])), bool(row["detailed"])

    def put_approval(self, body: Json, *, detailed: bool) -> None:
        """Keep one approval, with or without its entries."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO approvals (id, state, submitted_at, detailed, body)"
                " VALUES (?, ?, ?, ?, ?)",
                (
                    *(body["id"], body["state"], body.get("submitted_at"), detailed),
                    json.dumps(body),
                ),
            )

    def replace_approvals(self, bodies: list[Json]) -> None:
        """Replace the list; details stay for approvals whose state has not changed."""
        with self._database.transaction() as connection:
            kept = {
                row["id"]: row["state"]
                for row in connection.execute("SELECT id, state FROM approvals WHERE detailed")
            }
            seen = [body["id"] for body in bodies if kept.get(body["id"]) == body["state"]]
            placeholders = ", ".join("?" * len(seen))
            connection.execute(f"DELETE FROM approvals WHERE id NOT IN ({placeholders})", seen)
            for body in bodies:
                if body["id"] not in seen:
                    self.put_approval(body, detailed=False)

    def forget_approvals(self) -> None:
        """Forget all approvals."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM approvals")
