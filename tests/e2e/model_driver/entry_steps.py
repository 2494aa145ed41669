"""Entries: created, changed, deleted by their person."""

from __future__ import annotations

import uuid
from typing import Any

from tests.e2e.half_year.company import sub
from tests.e2e.model_driver.scene import Scene
from tests.e2e.model_driver.state import Draft


class EntrySteps(Scene):
    """Steps of people with entries."""

    async def post(self) -> None:
        person, draft = self.worker(), self.draft()
        entry_id = self.entry_of(person) if self.chance(0.1) else str(uuid.uuid4())
        expected = self.rules.post(person, entry_id, draft)
        body = {"id": entry_id, **_body(draft)}
        await self.call(expected, person, "POST", "entries", "/v1/entries", body)

    async def put(self) -> None:
        person, draft = self.worker(), self.draft()
        entry_id = self.entry_of(person) if self.chance(0.6) else str(uuid.uuid4())
        present = self.state.entries.get(entry_id)
        if present is not None and self.chance(0.3):
            draft = Draft(present.day, present.project, present.minutes, present.note, None)
        expected = self.rules.put(person, entry_id, draft)
        path = f"/v1/entries/{entry_id}"
        await self.call(expected, person, "PUT", "entries", path, _body(draft))

    async def patch(self) -> None:
        person, draft = self.worker(), self.draft()
        entry_id = self.entry_of(self.worker() if self.chance(0.1) else person)
        names = self.random.sample(["day", "project", "minutes", "note", "billable"], k=2)
        changes = {name: getattr(draft, name) for name in names[: self.random.choice([1, 2])]}
        expected = self.rules.patch(person, entry_id, changes)
        body = {"date" if name == "day" else name: value for name, value in changes.items()}
        if "day" in changes:
            body["date"] = str(changes["day"])
        await self.call(expected, person, "PATCH", "entries", f"/v1/entries/{entry_id}", body)

    async def delete(self) -> None:
        person = self.worker()
        entry_id = self.entry_of(self.worker() if self.chance(0.1) else person)
        expected = self.rules.delete(person, entry_id)
        await self.call(expected, person, "DELETE", "entries", f"/v1/entries/{entry_id}")

    async def delete_uploaded(self) -> None:
        uploaded = [each for each in self.state.entries.values() if each.external_id]
        chosen = self.choice(uploaded) if uploaded and self.chance(0.8) else None
        person = chosen.person if chosen else self.worker()
        entry_id = chosen.id if chosen else self.entry_of(person)
        expected = self.rules.delete_uploaded(person, entry_id)
        path = f"/v1/entries/{entry_id}?person={sub(person)}&reason=twice"
        await self.call(expected, "ada", "DELETE", "entries", path)
        await self.company.catch_up()


def _body(draft: Draft) -> dict[str, Any]:
    body = {
        "date": str(draft.day),
        "project": draft.project,
        "minutes": draft.minutes,
        "note": draft.note,
    }
    return body if draft.billable is None else {**body, "billable": draft.billable}
