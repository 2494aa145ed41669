"""Entries and drafts as cards, and hours as text."""

from __future__ import annotations

from dataclasses import dataclass

from mobile.core.drafts import SavedDraft
from mobile.core.durations import format_duration
from mobile.core.views import EntryView


@dataclass(frozen=True, slots=True)
class Row:
    """An entry as a card, with the names of its project."""

    entry: EntryView
    title: str
    customer: str

    @property
    def subtitle(self) -> str:
        """Customer, task and note in one line."""
        parts = (self.customer, self.entry.draft.task or "", self.entry.draft.note)
        return " · ".join(part.replace("\n", " ") for part in parts if part)


@dataclass(frozen=True, slots=True)
class DraftRow:
    """A draft as a card."""

    draft: SavedDraft
    title: str


def hours_text(minutes: int) -> str:
    """`1:30`, and a dash for nothing."""
    return format_duration(minutes) if minutes else "\u2013"
