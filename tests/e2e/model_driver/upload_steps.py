"""Files of a machine: new rows, rows sent before, deletions, complete files."""

from __future__ import annotations

from typing import Any

from tests.e2e.half_year.company import sub
from tests.e2e.model_driver.batch_rules import Error, Expected, Row
from tests.e2e.model_driver.scene import Disagreement, Scene
from tests.e2e.model_driver.state import DAY
from tests.e2e.model_driver.undo_rules import Batch
from tests.support.client import Reply


class UploadSteps(Scene):
    """Steps of the machine that uploads."""

    async def upload(self) -> None:
        """A file of the agency, at times a complete one."""
        rows: dict[str, Row] = {}
        for _ in range(self.random.randint(1, 6)):
            row = self._row()
            rows[row.external_id] = row
        complete = None
        if self.chance(0.2):
            first = self.day()
            complete = first, first + DAY * self.random.randint(0, 10)
        skip = self.chance(0.4)
        options = [
            *([f"complete={complete[0]}..{complete[1]}"] if complete else []),
            *(["on_error=skip"] if skip else []),
        ]
        query = f"?{'&'.join(options)}"
        expected = self.rules.upload(list(rows.values()), complete, skip=skip)
        reply = await self.company.upload("agency", list(map(_line, rows.values())), query)
        sent = list(rows.values()), query
        if reply.status != 201:
            raise Disagreement(f"step {self.number}: {sent} {reply.body!r}")
        is_applied = skip or not expected.errors
        self.count("upload, some rows skipped" if skip and expected.errors else "upload", 201)
        if expected.errors or reply.json["failed"]:
            await self._check_errors(expected, reply, sent, skip=skip)
        self._check_counts(expected, reply, sent, is_applied=is_applied)
        self.rules.batches[reply.json["id"]] = Batch(expected.changes if is_applied else None)
        if is_applied:
            await self._name_uploaded(reply.json["id"])
            await self.company.catch_up()

    async def undo(self) -> None:
        """Mostly one of the last batches."""
        known = list(self.rules.batches)
        if not known:
            return
        batch = self.choice(known[-4:] if self.chance(0.6) else known[-40:])
        expected = self.rules.undo(batch)
        actor = "agency" if self.chance(0.7) else "ada"
        reply = await self.call(expected, actor, "DELETE", "entries", f"/v1/batches/{batch}")
        if expected.status == 200:
            found = reply.json["undone"]
            counts = found["removed"], found["restored"], found["kept"]
            undone = self.rules.batches[batch].undone
            if counts != undone or reply.json["state"] != "undone":
                raise Disagreement(f"step {self.number}: undo {batch}: {undone} but {reply.json}")
        await self.company.catch_up()

    async def _check_errors(
        self, expected: Expected, reply: Reply, sent: object, *, skip: bool
    ) -> None:
        path = f"/v1/batches/{reply.json['id']}/errors?limit=200"
        items = await self.company.pages("agency", "entries", path)
        found = {(each["line"], each["code"]) for each in items}
        errors = expected.errors
        agree = found == errors
        if not skip and found and errors:
            agree = _without_full_days(found) == _without_full_days(errors)
        if not agree:
            raise Disagreement(f"step {self.number}: {sent} {expected} but {found}")

    def _check_counts(
        self, expected: Expected, reply: Reply, sent: object, *, is_applied: bool
    ) -> None:
        batch = reply.json
        if not is_applied:
            if batch["state"] != "refused":
                raise Disagreement(f"step {self.number}: {sent} {expected} but {batch}")
            return
        names = ("created", "updated", "unchanged", "removed", "failed")
        found = {name: batch[name] for name in names}
        counts = {name: getattr(expected, name) for name in names}
        if batch["state"] != "applied" or found != counts:
            raise Disagreement(f"step {self.number}: {sent} {expected} but {batch}")

    async def _name_uploaded(self, batch: str) -> None:
        """Learn the ids of the entries that the batch created."""
        entries = self.state.entries
        for item in await self.company.pages(
            "agency", "entries", f"/v1/batches/{batch}/rows?limit=200"
        ):
            entry = entries.pop(f"uploaded {item['external_id']}", None)
            if entry is not None:
                entry.id = item["id"]
                entries[entry.id] = entry

    def _row(self) -> Row:
        sent = [each for each in self.state.entries.values() if each.external_id][-60:]
        gone = list(self.rules.sent)[-10:]
        draft = self.draft()
        project = draft.project if self.chance(0.3) else "WEB"
        row = Row(
            str(self.number * 10 + self.random.randint(0, 9)),
            self.choice(["erin", "carl", "lea", "erin", "carl", "lea", "cora"]),
            draft.day,
            project,
            draft.minutes,
            draft.note,
            draft.billable,
        )
        if gone and self.chance(0.1):
            return Row(self.choice(gone), *_fields(row))
        if not sent or self.chance(0.4):
            return row
        known = self.choice(sent)
        if self.chance(0.2):
            return Row(known.external_id, deleted=True)
        billable = self.choice([None, known.billable])
        same = Row(
            known.external_id, known.person, known.day, known.project, known.minutes, known.note,
            billable,
        )  # fmt: skip
        if self.chance(0.5):
            return same
        person = known.person if self.chance(0.9) else row.person
        return Row(known.external_id, person, *_fields(row)[1:])


def _fields(row: Row) -> tuple[Any, ...]:
    return row.person, row.day, row.project, row.minutes, row.note, row.billable


def _line(row: Row) -> dict[str, Any]:
    if row.deleted:
        return {"external_id": row.external_id, "deleted": True}
    line = {
        "external_id": row.external_id,
        "person": sub(row.person),
        "date": str(row.day),
        "project": row.project,
        "minutes": row.minutes,
        "note": row.note,
    }
    return line if row.billable is None else {**line, "billable": row.billable}


def _without_full_days(errors: set[Error]) -> set[Error]:
    """Full days are looked for in rows that are right otherwise."""
    return {(line, code) for line, code in errors if code != "day_full"}
