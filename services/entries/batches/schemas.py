"""Queries of batches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from marshmallow import ValidationError, fields, validate

from libs.web.schemas import Day, PageQuery, StrictSchema, Text
from services.entries.batches.model import DateRange

MAX_COMPLETE_DAYS = 366


@dataclass(frozen=True, slots=True)
class BatchQuery:
    """The query parameters of an upload."""

    on_error: str
    dry_run: bool
    complete: DateRange | None


class CompleteDays(fields.Field[DateRange]):
    """`2026-11-01..2026-11-30`."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> DateRange:  # noqa: ARG002 - marshmallow names them
        first, separator, last = str(value).partition("..")
        if not separator:
            raise ValidationError("Days like 2026-11-01..2026-11-30 are expected.")
        days = DateRange(Day().deserialize(first), Day().deserialize(last))
        if days.since > days.until:
            raise ValidationError("The first day is later than the last one.")
        if (days.until - days.since).days >= MAX_COMPLETE_DAYS:
            raise ValidationError(f"At most {MAX_COMPLETE_DAYS} days.")
        return days


class BatchQuerySchema(StrictSchema):
    """The query parameters of an upload."""

    makes = BatchQuery
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
    complete = CompleteDays(
        load_default=None,
        metadata={
            "type": "string",
            "description": "`2026-11-01..2026-11-30`: the file is everything that this client has "
            "for the people in it on these days. Its other entries are removed.",
        },
    )


@dataclass(frozen=True, slots=True)
class ErrorsQuery:
    """The query parameters of a list of refused rows."""

    format: str | None
    limit: int
    cursor: str | None


class ErrorsQuerySchema(PageQuery):
    """The query parameters of a list of refused rows."""

    makes = ErrorsQuery
    format = fields.String(
        load_default=None,
        validate=validate.OneOf(("json", "csv"), error="json or csv is expected."),
        metadata={"description": "`csv` returns all of them; the default follows `Accept`."},
    )


@dataclass(frozen=True, slots=True)
class BatchListQuery:
    """The query parameters of a list of batches."""

    client: str | None
    limit: int
    cursor: str | None


class BatchListQuerySchema(PageQuery):
    """The query parameters of a list of batches."""

    makes = BatchListQuery
    client = Text(
        minimum=1,
        maximum=255,
        load_default=None,
        metadata={"description": "Batches of this client; needs manage:timesheets."},
    )


@dataclass(frozen=True, slots=True)
class RowsQuery:
    """The query parameters of a list of rows."""

    limit: int
    cursor: str | None


class RowsQuerySchema(PageQuery):
    """The query parameters of a list of rows."""

    makes = RowsQuery
