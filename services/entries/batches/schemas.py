"""Queries and answers of batches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from marshmallow import Schema, fields, post_load, validate

from libs.web.schemas import PageAnswer, PageQuery, StrictSchema


@dataclass(frozen=True, slots=True)
class BatchQuery:
    on_error: str
    dry_run: bool


class BatchQuerySchema(StrictSchema):
    on_error = fields.String(
        load_default="fail",
        validate=validate.OneOf(("fail", "skip"), error="fail or skip is expected."),
        metadata={"description": "`skip` applies the valid rows; by default all or nothing."},
    )
    dry_run = fields.Boolean(
        load_default=False,
        truthy={"true"},
        falsy={"false"},
        error_messages={"invalid": "true or false is expected."},
        metadata={"description": "Report what would happen and change nothing."},
    )

    @post_load
    def make(self, data: dict[str, Any], **_options: Any) -> BatchQuery:
        return BatchQuery(**data)


@dataclass(frozen=True, slots=True)
class ErrorsQuery:
    format: str | None
    limit: int
    cursor: str | None


class ErrorsQuerySchema(PageQuery):
    format = fields.String(
        load_default=None,
        validate=validate.OneOf(("json", "csv"), error="json or csv is expected."),
        metadata={"description": "`csv` returns all of them; the default follows `Accept`."},
    )

    @post_load
    def make(self, data: dict[str, Any], **_options: Any) -> ErrorsQuery:
        return ErrorsQuery(**data)


class BatchAnswer(Schema):
    id = fields.UUID(required=True)
    state = fields.String(
        required=True,
        validate=validate.OneOf(("applied", "refused", "dry_run")),
        metadata={"description": "`refused`: a row is invalid, so nothing was applied."},
    )
    on_error = fields.String(required=True)
    dry_run = fields.Boolean(required=True)
    rows = fields.Integer(required=True, strict=True)
    created = fields.Integer(required=True, strict=True)
    updated = fields.Integer(required=True, strict=True)
    unchanged = fields.Integer(required=True, strict=True)
    failed = fields.Integer(required=True, strict=True)
    errors = fields.String(required=True, metadata={"description": "Address of the errors."})
    created_at = fields.DateTime(required=True)


class RowErrorAnswer(Schema):
    line = fields.Integer(required=True, strict=True)
    field = fields.String(required=True)
    code = fields.String(required=True)
    message = fields.String(required=True)


class BatchErrorPage(PageAnswer):
    items = fields.List(fields.Nested(RowErrorAnswer), required=True)
