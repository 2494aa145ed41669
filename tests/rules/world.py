"""A database in which a case can happen."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterable
from datetime import date, timedelta

import asyncpg

from services.entries.model import State
from tests.api.entries.agency import learn
from tests.rules.cases import ENDED, OTHER_WEEK, PROJECTS, STRICT, Case, Values

_numbers = itertools.count()

ADD_PROJECT = """
    INSERT INTO projects (code, name, customer, billable, note_required)
    VALUES ($1, $1, 'Big Company', $2, $3)
    ON CONFLICT (code) DO NOTHING
"""
ADD_ENTRY = """
    INSERT INTO entries
        (person, id, date, project, minutes, note, billable, source, external_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
SET_STATE = """
    UPDATE weeks SET state = $3, submission_id = gen_random_uuid()
    WHERE person = $1 AND monday = $2
"""
ENSURE_WEEK = """
    INSERT INTO weeks (person, monday) VALUES ($1, $2) ON CONFLICT DO NOTHING
"""
CLOSE = "INSERT INTO periods (closed_through, actor) VALUES ($1, 'auth0|ada')"


class Scene:
    """A person of their own for each case, so that cases do not meet. Projects and the closed
    period are everybody's."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.connection = connection
        self.name = f"case-{next(_numbers)}"
        self.person = f"auth0|{self.name}"
        self.entry_id = uuid.uuid4()
        self.external_id = f"row-{self.name}"

    async def open_all(self) -> None:
        """Projects are active and nothing is closed."""
        for code, billable in PROJECTS.items():
            await self.connection.execute(ADD_PROJECT, code, billable, code == STRICT)
        await self.connection.execute("UPDATE projects SET active = true WHERE NOT active")
        await self.connection.execute(CLOSE, None)
        await learn(self.connection, self.name)

    async def add(self, values: Values, source: str = "app") -> None:
        """The entry as it is before the case."""
        external_id = self.external_id if source != "app" else None
        await self._insert(values, self.entry_id, source, external_id)

    async def settle(self, case: Case) -> None:
        """The context of the entry: other entries, states of weeks, the closed period."""
        if case.others and case.after is not None:
            others = Values(date=case.after.date, minutes=case.others, billable=True)
            await self._insert(others, uuid.uuid4(), "app", None)
        await self._set_state(case.state, date(2026, 11, 16))
        await self._set_state(case.other_state, OTHER_WEEK - timedelta(days=1))
        await self.connection.execute("UPDATE projects SET active = false WHERE code = $1", ENDED)
        await self.connection.execute(CLOSE, case.closed_through)

    async def entry(self) -> asyncpg.Record | None:
        """The entry of the case as it is now."""
        return await self.connection.fetchrow(
            "SELECT date, project, minutes, note, billable FROM entries "
            "WHERE person = $1 AND (id = $2 OR external_id = $3)",
            self.person,
            self.entry_id,
            self.external_id,
        )

    def arguments(self, values: Values) -> Iterable[object]:
        """Of `ADD_ENTRY`."""
        billable = PROJECTS.get(values.project, True)
        return (
            *(self.person, self.entry_id, values.date, values.project, values.minutes),
            *(values.note, billable if values.billable is None else values.billable),
        )

    async def _insert(
        self, values: Values, entry_id: uuid.UUID, source: str, external_id: str | None
    ) -> None:
        person, _, *rest = self.arguments(values)
        await self.connection.execute(ADD_ENTRY, person, entry_id, *rest, source, external_id)

    async def _set_state(self, state: State, monday: date) -> None:
        if state is not State.OPEN:
            await self.connection.execute(ENSURE_WEEK, self.person, monday)
            await self.connection.execute(SET_STATE, self.person, monday, state)
