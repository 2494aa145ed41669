"""The directory."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from marshmallow import Schema, fields, post_load, validate

from libs.web.schemas import PageAnswer, PageQuery, StrictSchema, Text, Truth, WholeNumber
from services.profile.model import MAX_TARGET_MINUTES, Draft, Kind
from services.profile.schemas.common import EMAIL, DelegateAnswer, Name, Sub, is_all

MAX_QUERY_LENGTH = 100
MAX_IDS = 20
SYSTEM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")


@dataclass(frozen=True, slots=True)
class PeopleQuery:
    q: str
    manager: str | None
    kind: Kind | None
    active: bool | None
    limit: int
    cursor: str | None


class PeopleQuerySchema(PageQuery):
    q = Text(
        maximum=MAX_QUERY_LENGTH,
        load_default="",
        metadata={"description": "Beginnings of words of the name, or of the e-mail."},
    )
    manager = Sub(load_default=None, metadata={"description": "Those who report to this person."})
    kind = fields.Enum(Kind, by_value=True, load_default=None)
    active = fields.Boolean(
        load_default=None,
        truthy={"true"},
        falsy={"false"},
        error_messages={"invalid": "true or false is expected."},
    )

    @post_load
    def make(self, data: dict[str, Any], **_options: Any) -> PeopleQuery:
        return PeopleQuery(**data)


class PersonSchema(StrictSchema):
    name = Name(required=True)
    email = fields.String(
        load_default=None,
        allow_none=True,
        validate=is_all(EMAIL, "An e-mail address is expected."),
        metadata={"description": "No two active people have the same."},
    )
    kind = fields.Enum(Kind, by_value=True, load_default=Kind.EMPLOYEE)
    employer = Text(minimum=1, maximum=200, load_default=None, allow_none=True)
    manager = Sub(
        load_default=None,
        allow_none=True,
        metadata={"description": "Without one, the person's weeks wait for an administrator."},
    )
    active = Truth(load_default=True)
    target_minutes = WholeNumber(
        minimum=0,
        maximum=MAX_TARGET_MINUTES,
        load_default=None,
        metadata={"description": "What the person means to work in a week."},
    )
    uploaders = fields.List(
        Text(minimum=1, maximum=255),
        load_default=list,
        validate=validate.Length(max=MAX_IDS, error=f"At most {MAX_IDS}."),
        metadata={"description": "The client ids that may upload hours for this person."},
    )
    external_ids = fields.Dict(
        keys=fields.String(
            validate=is_all(SYSTEM, "Letters, digits, dot, dash and underscore, at most 32.")
        ),
        values=Text(minimum=1, maximum=255),
        load_default=dict,
        validate=validate.Length(max=MAX_IDS, error=f"At most {MAX_IDS}."),
        metadata={"description": "Who the person is in other systems; no two people are the same."},
    )

    @post_load
    def make(self, data: dict[str, Any], **_options: Any) -> Draft:
        # What is said twice is said once.
        uploaders = tuple(dict.fromkeys(data.pop("uploaders")))
        return Draft(**data, uploaders=uploaders)


class PersonAnswer(Schema):
    person = fields.String(required=True)
    name = fields.String(required=True)
    email = fields.String(required=True, allow_none=True)
    kind = fields.Enum(Kind, by_value=True, required=True)
    employer = fields.String(required=True, allow_none=True)
    manager = fields.String(required=True, allow_none=True)
    manager_name = fields.String(required=True, allow_none=True)
    active = fields.Boolean(required=True)
    target_minutes = fields.Integer(required=True, strict=True)
    uploaders = fields.List(fields.String(), required=True)
    external_ids = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    delegate = fields.Nested(DelegateAnswer, required=True, allow_none=True)
    version = fields.Integer(required=True, strict=True)
    created_at = fields.DateTime(required=True)
    updated_at = fields.DateTime(required=True)


class PeoplePage(PageAnswer):
    items = fields.List(fields.Nested(PersonAnswer), required=True)
