"""Entries that were begun and not saved, and favourites; both stay on this device."""

from __future__ import annotations

import uuid
from dataclasses import asdict, dataclass, replace
from datetime import date

from mobile.core.store import Store
from mobile.core.wire import UnexpectedResponse, read

DRAFTS, FAVOURITES = "drafts", "favourites"
MAX_FAVOURITES = 10


@dataclass(frozen=True, slots=True)
class SavedDraft:
    """The typed text, unchanged. `entry_id` is the entry that was being edited."""

    id: str
    date: date
    project: str | None = None
    duration: str = ""
    task: str = ""
    note: str = ""
    billable: bool | None = None
    entry_id: str | None = None


@dataclass(frozen=True, slots=True)
class Favourite:
    """A combination to log again with one tap."""

    project: str
    task: str = ""
    note: str = ""


class Drafts:
    """Entries that are being typed, kept until they are saved or dropped."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self) -> list[SavedDraft]:
        """Oldest first; what cannot be read is skipped."""
        found = []
        for body in self._store.get(DRAFTS) or ():
            try:
                found.append(read(SavedDraft, body))
            except UnexpectedResponse:
                continue
        return found

    def get(self, draft_id: str) -> SavedDraft | None:
        """The draft with this id, or None."""
        return next((draft for draft in self.all() if draft.id == draft_id), None)

    def of_entry(self, entry_id: str) -> SavedDraft | None:
        """The draft of changes to this entry, or None."""
        return next((draft for draft in self.all() if draft.entry_id == entry_id), None)

    def put(self, draft: SavedDraft) -> None:
        """Keep a draft, new or changed; it becomes the newest."""
        kept = [each for each in self.all() if each.id != draft.id]
        self._write([*kept, draft])

    def drop(self, draft_id: str) -> None:
        """Forget a draft."""
        drafts = self.all()
        kept = [draft for draft in drafts if draft.id != draft_id]
        if len(kept) != len(drafts):
            self._write(kept)

    def _write(self, drafts: list[SavedDraft]) -> None:
        bodies = [{**asdict(draft), "date": draft.date.isoformat()} for draft in drafts]
        self._store.set(DRAFTS, bodies)


class Favourites:
    """Pairs of project and task that the person pinned, at most ten."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self) -> list[Favourite]:
        """The favourites in the order in which they were pinned."""
        return [read(Favourite, body) for body in self._store.get(FAVOURITES) or ()]

    def toggle(self, favourite: Favourite) -> bool:
        """Pin or unpin; whether it is pinned now. The oldest gives way to an eleventh."""
        kept = self.all()
        pinned = favourite not in kept
        kept = [*kept, favourite] if pinned else [each for each in kept if each != favourite]
        self._store.set(FAVOURITES, [asdict(each) for each in kept[-MAX_FAVOURITES:]])
        return pinned


def new_draft(day: date, **fields: object) -> SavedDraft:
    """An empty draft of a day under a new id, with the fields that are given."""
    return replace(SavedDraft(str(uuid.uuid4()), day), **fields)  # type: ignore[arg-type]
