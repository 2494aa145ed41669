"""Holidays, absences and the targets of days, as the server sent them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date

from mobile.core.database import Database
from mobile.core.wire import Absence, CalendarDay, Json, read


class CalendarStore:
    """Days with their targets, and the person's absences, as the server last said."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection = database.connection

    def replace_days(self, since: date, until: date, days: Iterable[CalendarDay]) -> None:
        """Keep these days instead of those that were kept of the range."""
        with self._database.transaction() as connection:
            connection.execute(
                "DELETE FROM days WHERE date BETWEEN ? AND ?", (str(since), str(until))
            )
            connection.executemany(
                "INSERT OR REPLACE INTO days (date, target_minutes, holiday, absence)"
                " VALUES (?, ?, ?, ?)",
                [(str(day.date), day.target_minutes, day.holiday, day.absence) for day in days],
            )

    def days(self, since: date, until: date) -> dict[date, CalendarDay]:
        """The kept days of the range, by date."""
        rows = self._connection.execute(
            "SELECT * FROM days WHERE date BETWEEN ? AND ?", (str(since), str(until))
        )
        days = [
            CalendarDay(
                date.fromisoformat(row["date"]),
                row["target_minutes"],
                row["holiday"],
                row["absence"],
            )
            for row in rows
        ]
        return {day.date: day for day in days}

    def absences(self) -> list[Absence]:
        """Every known absence, earliest first."""
        rows = self._connection.execute("SELECT body FROM absences ORDER BY first, id")
        return [read(Absence, json.loads(row["body"])) for row in rows]

    def absence_version(self, absence_id: str) -> int | None:
        """The version that the server sent, None for an absence that it does not have."""
        row = self._connection.execute(
            "SELECT body FROM absences WHERE id = ?", (absence_id,)
        ).fetchone()
        return read(Absence, json.loads(row["body"])).version if row is not None else None

    def replace_absences(self, bodies: list[Json]) -> None:
        """Keep these absences instead of all that were kept."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM absences")
            for body in bodies:
                self.put_absence(body)

    def put_absence(self, body: Json) -> None:
        """Keep one absence, new or changed."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO absences (id, first, last, body) VALUES (?, ?, ?, ?)",
                (body["id"], body["from"], body["to"], json.dumps(body)),
            )

    def remove_absence(self, absence_id: str) -> None:
        """Forget one absence."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM absences WHERE id = ?", (absence_id,))
