"""Resources that are declared by hand in two places agree."""

from __future__ import annotations

from dataclasses import fields

import msgspec

from services.entries.model import Draft, Entry
from services.entries.schemas.entries import EntryAnswer
from services.entries.store.projects import FIELDS


def test_an_answer_begins_with_the_fields_of_the_entry() -> None:
    names = [field.name for field in msgspec.structs.fields(EntryAnswer)]
    assert tuple(names[: len(Entry._fields)]) == Entry._fields


def test_an_entry_has_every_field_of_a_draft() -> None:
    assert {field.name for field in fields(Draft)} <= set(Entry._fields)


def test_fields_of_a_draft_are_listed_once() -> None:
    assert len(set(FIELDS)) == len(FIELDS)
