"""Saving what was typed into a cell of the week grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from portal.api_client import Api, ApiProblem
from portal.formats import duration, parse_duration
from portal.i18n import _
from portal.week_grid import RowKey, new_entry_id

RESTORED = ("note", "billable")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class TypedCell:
    """`reference` is the entry's id and version, or empty where the cell was empty.

    `restored` has the `note` and `billable` of a deleted entry that is created again.
    """

    row_id: str
    key: RowKey
    day: date
    text: str
    reference: str
    token: str
    restored: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SavedCell:
    """The cell's entry now, None if there is none, and the one that was deleted."""

    entry: Json | None
    removed: Json | None = None


class CellRefused(Exception):
    """The typed value was not saved. `current` is the entry as it is now, after a conflict."""

    def __init__(self, message: str, current: Json | None = None, status: int = 422) -> None:
        super().__init__(message)
        self.current = current
        self.status = status


async def save_cell(api: Api, typed: TypedCell) -> SavedCell:
    """Create, change or delete the cell's entry.

    Raises `CellRefused`; `ApiUnavailable` and the like pass through.
    """
    try:
        minutes = parse_duration(typed.text)
    except ValueError as error:
        raise CellRefused(str(error)) from error
    try:
        return await _save(api, typed, minutes or None)
    except ApiProblem as problem:
        if (current := _current(problem)) and current["minutes"] == minutes:
            # An earlier try was saved, and its response was lost.
            return SavedCell(current)
        raise _refusal(problem) from problem


async def _save(api: Api, typed: TypedCell, minutes: int | None) -> SavedCell:
    entry_id, _space, version = typed.reference.partition(" ")
    if not entry_id:
        return SavedCell(await _create(api, typed, minutes) if minutes else None)
    path, etag = f"/v1/entries/{entry_id}", f'"{version}"'
    if minutes is None:
        return SavedCell(None, await _delete(api, path, etag))
    return SavedCell((await api.patch(path, {"minutes": minutes}, etag=etag)).json)


async def _create(api: Api, typed: TypedCell, minutes: int) -> Json:
    entry_id = new_entry_id(typed.token, typed.row_id, typed.day)
    body = {
        "date": typed.day,
        "project": typed.key.project,
        "task": typed.key.task or None,
        "minutes": minutes,
        **{name: typed.restored[name] for name in RESTORED if name in typed.restored},
    }
    entry: Json = (await api.put(f"/v1/entries/{entry_id}", body)).json
    return entry


async def _delete(api: Api, path: str, etag: str) -> Json | None:
    """Delete the entry, and return what cannot be seen in the grid afterwards."""
    entry: Json | None = await api.find(path)
    try:
        await api.delete(path, etag=etag)
    except ApiProblem as problem:
        if problem.status != 404:  # it is deleted already, as intended
            raise
    return {name: entry[name] for name in RESTORED} if entry else None


def _current(problem: ApiProblem) -> Json | None:
    current = problem.body.get("current")
    return current if problem.status == 412 and isinstance(current, dict) else None


def _refusal(problem: ApiProblem) -> CellRefused:
    if current := _current(problem):
        shown = duration(int(current["minutes"]))
        message = _("Changed to %(minutes)s elsewhere. Save again to keep yours.")
        return CellRefused(message % {"minutes": shown}, current, 412)
    if problem.status == 412:
        return CellRefused(_("This was changed elsewhere. Reload the page."), None, 412)
    if problem.status == 404:
        return CellRefused(_("This entry was deleted elsewhere. Reload the page."), None, 404)
    message = next(iter(problem.fields.values()), problem.message)
    return CellRefused(message, None, problem.status)
