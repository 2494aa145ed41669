"""Projects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from marshmallow import Schema, fields, post_load

from libs.web.schemas import PageAnswer, PageQuery, StrictSchema, Text, Truth


@dataclass(frozen=True, slots=True)
class ProjectQuery:
    active: bool | None
    limit: int
    cursor: str | None


class ProjectQuerySchema(PageQuery):
    active = fields.Boolean(
        load_default=None,
        truthy={"true"},
        falsy={"false"},
        error_messages={"invalid": "true or false is expected."},
    )

    @post_load
    def make(self, data: dict[str, Any], **_options: Any) -> ProjectQuery:
        return ProjectQuery(**data)


@dataclass(frozen=True, slots=True)
class ProjectDraft:
    name: str
    customer: str
    active: bool
    billable: bool


class _ProjectFields(StrictSchema):
    name = Text(minimum=1, maximum=200, required=True)
    customer = Text(minimum=1, maximum=200, required=True)
    active = Truth(load_default=True)
    billable = Truth(
        load_default=True, metadata={"description": "What an entry is that does not say."}
    )


class ProjectSchema(_ProjectFields):
    @post_load
    def make(self, data: dict[str, Any], **_options: Any) -> ProjectDraft:
        return ProjectDraft(**data)


@dataclass(frozen=True, slots=True)
class ProjectPatch:
    changes: dict[str, Any]


class ProjectPatchSchema(_ProjectFields):
    def __init__(self, **options: Any) -> None:
        super().__init__(partial=True, **options)

    @post_load
    def make(self, data: dict[str, Any], **_options: Any) -> ProjectPatch:
        return ProjectPatch(data)


class ProjectAnswer(Schema):
    code = fields.String(required=True)
    name = fields.String(required=True)
    customer = fields.String(required=True)
    active = fields.Boolean(required=True)
    billable = fields.Boolean(required=True)
    version = fields.Integer(required=True, strict=True)
    created_at = fields.DateTime(required=True)
    updated_at = fields.DateTime(required=True)


class ProjectPage(PageAnswer):
    items = fields.List(fields.Nested(ProjectAnswer), required=True)
