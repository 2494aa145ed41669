"""The schema of a type says what msgspec writes of it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated, Any

import msgspec
import pytest
from marshmallow import fields
from msgspec import UNSET, Meta, UnsetType

from libs.web.resources import (
    DOCUMENTED_AS,
    UndocumentedType,
    answer_schema,
    page_schema,
    wire_names,
)


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True, slots=True)
class Part:
    name: str = field(metadata={"description": "What it is called.", "example": "wheel"})
    count: int = 0


class Thing(msgspec.Struct, frozen=True, rename={"since": "from"}):
    id: Annotated[uuid.UUID, Meta(description="Never changes.")]
    since: Annotated[date | None, Meta(description="First day.", examples=[date(2026, 11, 23)])]
    at: datetime
    colour: Colour | None
    parts: list[Part]
    by_day: dict[date, int]
    raw: Annotated[msgspec.Raw, Meta(extra={DOCUMENTED_AS: list[Part]})]
    tags: tuple[str, ...] = ()
    hint: str | UnsetType = UNSET


THING = Thing(
    id=uuid.UUID(int=1),
    since=None,
    at=datetime(2026, 11, 23, tzinfo=UTC),
    colour=Colour.RED,
    parts=[Part("wheel", 4)],
    by_day={date(2026, 11, 23): 60},
    raw=msgspec.Raw(b'[{"name":"wheel","count":4}]'),
    tags=("a",),
)


def test_the_schema_accepts_what_msgspec_writes() -> None:
    written = msgspec.json.decode(msgspec.json.encode(THING))

    assert answer_schema(Thing)().validate(written) == {}
    assert answer_schema(Thing)().validate({**written, "parts": [{"name": 1, "count": 1}]})


def test_descriptions_and_examples_are_those_of_the_fields() -> None:
    schema = answer_schema(Thing)()
    parts: Any = schema.fields["parts"]

    assert schema.fields["id"].metadata == {"description": "Never changes."}
    assert schema.fields["from"].metadata == {
        "description": "First day.",
        "example": "2026-11-23",
    }
    assert parts.inner.schema.fields["name"].metadata["example"] == "wheel"


def test_optional_members_are_nullable_and_only_unset_ones_may_be_absent() -> None:
    members = answer_schema(Thing)().fields

    assert {name for name, member in members.items() if member.allow_none} == {"from", "colour"}
    assert {name for name, member in members.items() if not member.required} == {"hint"}


def test_encoded_json_is_documented_by_the_type_it_names() -> None:
    raw: Any = answer_schema(Thing)().fields["raw"]

    assert isinstance(raw, fields.List)
    assert "count" in raw.inner.schema.fields  # type: ignore[attr-defined] # a Nested


def test_one_type_has_one_schema_of_its_name() -> None:
    assert answer_schema(Thing) is answer_schema(Thing)
    assert answer_schema(Thing).__name__ == "ThingAnswer"
    assert wire_names(Thing)[:2] == ("id", "from")


def test_a_page_has_items_and_the_next_address() -> None:
    assert set(page_schema(Thing)().fields) == {"items", "next"}
    assert page_schema(Thing).__name__ == "ThingPage"


class Odd(msgspec.Struct):
    either: int | str


def test_a_field_of_several_types_is_refused() -> None:
    with pytest.raises(UndocumentedType):
        answer_schema(Odd)
    with pytest.raises(UndocumentedType):
        answer_schema(int)
