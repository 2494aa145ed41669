"""The implementations of the rules, each as a function from a case to its outcome."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import asyncpg

from libs.rules.violations import RuleBroken
from mobile.core import rules as app
from services.entries import model
from services.entries.store.rules import RULES
from tests.api.entries.agency import Agency
from tests.rules.cases import (
    ENDED,
    NONE,
    PROJECTS,
    STRICT,
    Broken,
    Case,
    Deleted,
    Locked,
    Outcome,
    Values,
    Written,
    broken,
)
from tests.rules.world import ADD_ENTRY, Scene
from tests.support.client import Caller, Reply, Service

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def by_model(case: Case) -> Outcome:
    """The model, called as the commands call it."""
    entry = _entry(case.before) if case.before is not None else None
    try:
        if case.after is None:
            assert entry is not None
            model.check_change(entry.date, case.state_of(entry.date), case.closed_through)
            return Deleted()
        draft = _draft(case.after)
        full = model.with_billable(draft, _context(case, case.after, entry))
        assert full.billable is not None
        if entry is not None:
            if entry.matches(full):
                return Written(full.billable)
            model.check_change(entry.date, case.state_of(entry.date), case.closed_through)
        model.check_draft(draft, _context(case, case.after, entry), NOW, entry)
    except model.Locked as refusal:
        return Locked(refusal.lock.reason)
    except RuleBroken as refusal:
        return broken(*((each.field, each.code) for each in refusal.violations))
    return Written(full.billable)


def by_app(case: Case) -> Outcome:
    """The app's copy of the rules, as its entry form asks them. It leaves billable to the
    server."""
    for values in (case.before, case.after):
        closed = case.closed_through if values is case.before else None
        if values is not None and case.before != _named(case.after):
            state = app.State(case.state_of(values.date).value)
            if (lock := app.lock_of(values.date, state, closed)) is not None:
                return Locked(lock.reason)
    if case.after is None:
        return Deleted()
    billable = _named(case.after)
    assert billable is not None
    assert billable.billable is not None
    if case.before == billable:
        return Written(billable.billable)
    violations = app.violations_of(_app_draft(case.after), _app_context(case, case.after), NOW)
    if violations:
        return broken(*((each.field, each.code) for each in violations))
    return Written(billable.billable)


@dataclass(frozen=True, slots=True)
class Api:
    """The API, with the method that writes."""

    method: str
    service: Service
    connection: asyncpg.Connection

    async def __call__(self, case: Case) -> Outcome:
        scene = Scene(self.connection)
        await scene.open_all()
        if case.before is not None:
            await scene.add(case.before)
        await scene.settle(case)
        reply = await self._send(scene, self.service.caller(scene.name), case)
        if reply.status == 409:
            return Locked(reply.json["lock_reason"])
        if reply.status == 422:
            return broken(*((pointer[1:], code) for pointer, code in reply.codes))
        assert reply.status in (200, 201, 204), reply.body
        return await _seen(scene, case.after)

    async def _send(self, scene: Scene, caller: Caller, case: Case) -> Reply:
        address = f"/v1/entries/{scene.entry_id}"
        if case.after is None:
            return await caller.delete(address)
        body = _body(case.after)
        if self.method == "POST":
            return await caller.post("/v1/entries", {**body, "id": str(scene.entry_id)})
        return await caller.request(self.method, address, json=body)


@dataclass(frozen=True, slots=True)
class Upload:
    """A batch of one row, all or nothing or leaving wrong rows out."""

    query: str
    agency: Agency
    connection: asyncpg.Connection

    async def __call__(self, case: Case) -> Outcome:
        scene = Scene(self.connection)
        await scene.open_all()
        if case.before is not None:
            first = await self.agency.send([self._row(scene, case.before)])
            assert (first.status, first.json["created"]) == (201, 1), first.body
        await scene.settle(case)
        batch = await self.agency.send([self._row(scene, case.after)], self.query)
        assert batch.status == 201, batch.body
        errors = await self.agency.errors(batch)
        if errors:
            return broken(*((field, code) for _, field, code in errors))
        return await _seen(scene, case.after)

    def _row(self, scene: Scene, values: Values | None) -> dict[str, Any]:
        if values is None:
            return {"external_id": scene.external_id, "deleted": True}
        return {"external_id": scene.external_id, "person": scene.person, **_body(values)}


@dataclass(frozen=True, slots=True)
class Sql:
    """Bare statements, which the database alone refuses. It knows no day of today."""

    connection: asyncpg.Connection

    async def __call__(self, case: Case) -> Outcome | None:
        """None if the database refused it."""
        scene = Scene(self.connection)
        await scene.open_all()
        if case.before is not None:
            await scene.add(case.before)
        await scene.settle(case)
        try:
            await self._write(scene, case)
        except asyncpg.IntegrityConstraintViolationError as error:
            if error.constraint_name not in RULES:
                raise
            return None
        return await _seen(scene, case.after)

    async def _write(self, scene: Scene, case: Case) -> None:
        key = scene.person, scene.entry_id
        if case.after is None:
            await self.connection.execute("DELETE FROM entries WHERE person = $1 AND id = $2", *key)
        elif case.before is None:
            arguments = scene.arguments(case.after)
            await self.connection.execute(ADD_ENTRY, *arguments, "app", None)
        else:
            await self.connection.execute(
                "UPDATE entries SET date = $3, project = $4, minutes = $5, note = $6, "
                "billable = $7 WHERE person = $1 AND id = $2",
                *scene.arguments(case.after),
            )


async def _seen(scene: Scene, after: Values | None) -> Outcome:
    """Check that the database has the entry that was to be written."""
    record = await scene.entry()
    if after is None:
        assert record is None
        return Deleted()
    assert record is not None
    assert tuple(record)[:4] == (after.date, after.project, after.minutes, after.note)
    return Written(record["billable"])


def _body(values: Values) -> dict[str, Any]:
    return {
        "date": values.date.isoformat(),
        "project": values.project,
        "minutes": values.minutes,
        "note": values.note,
        "billable": values.billable,
    }


def _named(values: Values | None) -> Values | None:
    """With the project's default in place of None."""
    if values is None or values.billable is not None:
        return values
    default = PROJECTS.get(values.project, True)
    return Values(values.date, values.project, values.minutes, default, values.note)


def _draft(values: Values) -> model.Draft:
    return model.Draft(
        values.date, values.project, values.minutes, None, values.note, values.billable
    )


def _entry(values: Values) -> model.Entry:
    return model.Entry(
        id=uuid.UUID(int=1),
        person="auth0|erin",
        date=values.date,
        project=values.project,
        task=None,
        minutes=values.minutes,
        note=values.note,
        billable=bool(values.billable),
        source="app",
        external_id=None,
        version=1,
        created_at=NOW,
        updated_at=NOW,
    )


def _context(case: Case, after: Values, entry: model.Entry | None) -> model.EntryContext:
    own = entry.minutes if entry is not None and entry.date == after.date else 0
    return model.EntryContext(
        state=case.state_of(after.date),
        closed_through=case.closed_through,
        day_minutes=case.others + own,
        project=None
        if after.project == NONE
        else model.ProjectRules(
            active=after.project != ENDED,
            billable=PROJECTS[after.project],
            note_required=after.project == STRICT,
        ),
    )


def _app_draft(values: Values) -> app.Draft:
    return app.Draft(values.date, values.project, values.minutes, None, values.note)


def _app_context(case: Case, after: Values) -> app.EntryContext:
    before = case.before
    return app.EntryContext(
        state=app.State(case.state_of(after.date).value),
        closed_through=case.closed_through,
        others=case.others,
        project_active=None if after.project == NONE else after.project != ENDED,
        same_project=before is not None and before.project == after.project,
        shrinks=before is not None and app.shrinks(_app_draft(after), _app_draft(before)),
        note_required=after.project == STRICT,
    )


def agrees_with_upload(outcome: Outcome, expected: Outcome) -> bool:
    """An upload reports a lock as an error of the row's date, beside what else is wrong; of other
    errors it may report some."""
    if isinstance(expected, Locked):
        return isinstance(outcome, Broken) and ("date", expected.reason) in outcome.codes
    if isinstance(expected, Broken) and isinstance(outcome, Broken):
        return bool(outcome.codes) and outcome.codes <= expected.codes
    return outcome == expected


def agrees_with_sql(outcome: Outcome | None, expected: Outcome) -> bool:
    """The database refuses without a reason. It knows neither today nor notes."""
    if isinstance(expected, Written | Deleted):
        return outcome == expected
    unknown = {"too_far_ahead", "note_required"}
    if isinstance(expected, Broken) and {code for _, code in expected.codes} <= unknown:
        return isinstance(outcome, Written)
    return outcome is None
