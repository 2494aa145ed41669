"""Reports."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from libs.rules.calendar import Week
from libs.rules.limits import MAX_PERSON_LENGTH
from libs.service.fields import WeekField
from libs.web.schemas import (
    Day,
    Identifier,
    PageAnswer,
    PageQuery,
    StrictSchema,
    Text,
    check_order,
)
from services.entries.model import State
from services.entries.reports.store.totals import GROUPS
from services.entries.schemas.common import ProjectCode

MAX_DAYS_OF_TOTALS = 366

_MISSING = fields.Field.default_error_messages["required"]


@dataclass(frozen=True, slots=True)
class MissingWeekQuery:
    """The query parameters of a list of missing weeks."""

    week: Week
    limit: int
    cursor: str | None


class MissingWeekQuerySchema(PageQuery):
    """The query parameters of a list of missing weeks."""

    makes = MissingWeekQuery
    week = WeekField(required=True)


class MissingAnswer(Schema):
    """A person whose week is missing."""

    person = fields.String(required=True)
    name = fields.String(required=True)
    manager = fields.String(required=True, allow_none=True)
    state = fields.Enum(State, by_value=True, required=True)
    total_minutes = fields.Integer(required=True, strict=True)
    target_minutes = fields.Integer(required=True, strict=True, allow_none=True)


class MissingPage(PageAnswer):
    """A page of people whose week is missing."""

    week = fields.String(required=True)
    items = fields.List(fields.Nested(MissingAnswer), required=True)


class _FilterFields(StrictSchema):
    """`person` needs no further scope: a report is about everybody."""

    since = Day(data_key="from", load_default=None, metadata={"description": "First day."})
    until = Day(data_key="to", load_default=None, metadata={"description": "Last day."})
    state = fields.Enum(
        State,
        by_value=True,
        load_default=None,
        metadata={"description": "Only entries whose week is open, submitted or approved."},
        error_messages={"unknown": "open, submitted or approved is expected."},
    )
    project = ProjectCode(load_default=None)
    person = Identifier(maximum=MAX_PERSON_LENGTH, load_default=None)
    customer = Text(minimum=1, maximum=200, load_default=None)

    @validates_schema
    def check_range(self, data: dict[str, Any], **_options: Any) -> None:
        check_order(data)


def _require_range(data: dict[str, Any]) -> None:
    days = {"from": data["since"], "to": data["until"]}
    # marshmallow's own message, which becomes the code "required".
    missing = {name: [_MISSING] for name, day in days.items() if day is None}
    if missing:
        raise ValidationError(missing)


@dataclass(frozen=True, slots=True)
class ReportQuery:
    """The query parameters of an export of entries."""

    since: date | None
    until: date | None
    state: State | None
    project: str | None
    person: str | None
    customer: str | None
    format: str
    bom: bool
    approved_since: str | None


class _ExportFields(StrictSchema):
    bom = fields.Boolean(
        load_default=False,
        truthy={"true"},
        falsy={"false"},
        error_messages={"invalid": "true or false is expected."},
        metadata={"description": "Begin CSV with a byte order mark, for Excel on Windows."},
    )
    approved_since = Text(
        minimum=1,
        maximum=200,
        load_default=None,
        metadata={
            "description": "The weeks approved after this cursor: 0 the first time, then the "
            "`Report-Cursor` of the previous report."
        },
    )


class ReportQuerySchema(_FilterFields, _ExportFields):
    """The query parameters of an export of entries."""

    makes = ReportQuery
    format = fields.String(
        load_default="csv",
        validate=validate.OneOf(
            ("csv", "ndjson", "xlsx"), error="csv, ndjson or xlsx is expected."
        ),
        metadata={"description": "csv, ndjson or xlsx."},
    )

    @validates_schema
    def check_scope(self, data: dict[str, Any], **_options: Any) -> None:
        """Require a range of days where no cursor of approvals is given."""
        if data["approved_since"] is None:
            _require_range(data)


@dataclass(frozen=True, slots=True)
class WeeksQuery:
    """The query parameters of an export of weeks."""

    since: date | None
    until: date | None
    state: State | None
    person: str | None
    format: str
    bom: bool
    approved_since: str | None
    limit: int
    cursor: str | None


class WeeksQuerySchema(_ExportFields, PageQuery):
    """The query parameters of an export of weeks."""

    makes = WeeksQuery
    since = Day(data_key="from", load_default=None, metadata={"description": "First day."})
    until = Day(data_key="to", load_default=None, metadata={"description": "Last day."})
    state = fields.Enum(
        State,
        by_value=True,
        load_default=None,
        metadata={"description": "Only weeks that are open, submitted or approved now."},
        error_messages={"unknown": "open, submitted or approved is expected."},
    )
    person = Identifier(
        maximum=MAX_PERSON_LENGTH,
        load_default=None,
        metadata={"description": "Weeks of this person."},
    )
    format = fields.String(
        load_default="json",
        validate=validate.OneOf(
            ("json", "csv", "ndjson", "xlsx"), error="json, csv, ndjson or xlsx is expected."
        ),
        metadata={"description": "json is a list in pages; the others are streamed."},
    )

    @validates_schema
    def check_range(self, data: dict[str, Any], **_options: Any) -> None:
        """Require a range of days where no cursor of approvals is given."""
        check_order(data)
        if data["approved_since"] is None:
            _require_range(data)


@dataclass(frozen=True, slots=True)
class TotalsQuery:
    """The query parameters of totals."""

    since: date
    until: date
    state: State | None
    project: str | None
    person: str | None
    customer: str | None
    group_by: tuple[str, ...]
    limit: int
    cursor: str | None


class TotalsQuerySchema(_FilterFields, PageQuery):
    """The query parameters of totals."""

    group_by = fields.String(
        load_default="project",
        metadata={"description": f"Some of {', '.join(GROUPS)}, with commas."},
    )

    @validates_schema
    def check_groups(self, data: dict[str, Any], **_options: Any) -> None:
        """Refuse unknown and repeated groups."""
        groups = data["group_by"].split(",")
        if not set(groups) <= set(GROUPS):
            raise ValidationError(f"Some of {', '.join(GROUPS)} are expected.", "group_by")
        if len(set(groups)) < len(groups):
            raise ValidationError("A group is named twice.", "group_by")

    @validates_schema
    def check_length(self, data: dict[str, Any], **_options: Any) -> None:
        """Refuse a range that is missing or too long."""
        _require_range(data)
        if (data["until"] - data["since"]).days >= MAX_DAYS_OF_TOTALS:
            raise ValidationError(f"At most {MAX_DAYS_OF_TOTALS} days.", "to")

    @post_load
    def make(self, data: dict[str, Any], **_options: Any) -> TotalsQuery:
        """Turn the parameters into a `TotalsQuery`."""
        groups = tuple(data.pop("group_by").split(","))
        return TotalsQuery(group_by=groups, **data)


class TotalAnswer(Schema):
    """Only the fields that `group_by` names are there."""

    project = fields.String()
    person = fields.String()
    employer = fields.String(allow_none=True)
    customer = fields.String()
    week = fields.String()
    month = fields.String(metadata={"description": "Calendar month.", "example": "2026-11"})
    task = fields.String(allow_none=True)
    billable = fields.Boolean()
    minutes = fields.Integer(required=True, strict=True)
    billable_minutes = fields.Integer(required=True, strict=True)
    entries = fields.Integer(required=True, strict=True)


class TotalPage(PageAnswer):
    """A page of totals."""

    items = fields.List(fields.Nested(TotalAnswer), required=True)
