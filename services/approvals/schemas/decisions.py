"""Decisions, one and many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from marshmallow import (
    INCLUDE,
    Schema,
    ValidationError,
    fields,
    post_load,
    validate,
    validates_schema,
)

from libs.rules.limits import MAX_REASON_LENGTH
from libs.web.schemas import ProblemAnswer, StrictSchema, Text
from services.approvals.model import (
    MAX_DECISIONS,
    Decision,
    Verdict,
)


class _VerdictFields(StrictSchema):
    decision = fields.Enum(
        Decision,
        by_value=True,
        required=True,
        error_messages={"unknown": f"One of {', '.join(Decision)} is expected."},
    )
    reason = Text(
        maximum=MAX_REASON_LENGTH,
        allow_none=True,
        load_default=None,
        metadata={"description": "A rejection needs one."},
    )

    @validates_schema
    def check_reason(self, data: dict[str, Any], **_options: Any) -> None:
        if data["decision"] is Decision.REJECT and not data["reason"]:
            raise ValidationError("A rejection needs a reason.", "reason")


class VerdictSchema(_VerdictFields):
    @post_load
    def make(self, data: dict[str, Any], **_options: Any) -> Verdict:
        return Verdict(data["decision"], data["reason"] or None)


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The same verdict on many."""

    ids: list[UUID]
    verdict: Verdict


class VerdictsSchema(_VerdictFields):
    ids = fields.List(
        fields.UUID(error_messages={"invalid_uuid": "A UUID is expected."}),
        required=True,
        validate=validate.Length(1, MAX_DECISIONS, error=f"From 1 to {MAX_DECISIONS} ids."),
    )

    @post_load
    def make(self, data: dict[str, Any], **_options: Any) -> Verdicts:
        return Verdicts(data["ids"], Verdict(data["decision"], data["reason"] or None))


class OutcomeAnswer(Schema):
    id = fields.UUID(required=True)
    status = fields.Integer(
        required=True,
        strict=True,
        metadata={"description": "What deciding this one alone would have been answered with."},
    )
    problem = fields.Nested(ProblemAnswer, unknown=INCLUDE)


class OutcomesAnswer(Schema):
    items = fields.List(fields.Nested(OutcomeAnswer), required=True)
