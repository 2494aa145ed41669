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
from services.approvals.model import MAX_DECISIONS, Decision, DecisionRequest


class _DecisionFields(StrictSchema):
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
        metadata={"description": "Required for a rejection."},
    )

    @validates_schema
    def check_reason(self, data: dict[str, Any], **_options: Any) -> None:
        if data["decision"] is Decision.REJECT and not data["reason"]:
            raise ValidationError("A rejection needs a reason.", "reason")


class DecisionSchema(_DecisionFields):
    """The body that decides one approval."""

    @post_load
    def make(self, data: dict[str, Any], **_options: Any) -> DecisionRequest:
        """Turn the body into a `DecisionRequest`; an empty reason is none."""
        return DecisionRequest(data["decision"], data["reason"] or None)


@dataclass(frozen=True, slots=True)
class BulkDecision:
    """The same decision on many submissions."""

    ids: list[UUID]
    request: DecisionRequest


class BulkDecisionSchema(_DecisionFields):
    """The body that decides several approvals."""

    ids = fields.List(
        fields.UUID(error_messages={"invalid_uuid": "A UUID is expected."}),
        required=True,
        validate=validate.Length(1, MAX_DECISIONS, error=f"From 1 to {MAX_DECISIONS} ids."),
    )

    @post_load
    def make(self, data: dict[str, Any], **_options: Any) -> BulkDecision:
        """Turn the body into a `BulkDecision`."""
        request = DecisionRequest(data["decision"], data["reason"] or None)
        return BulkDecision(data["ids"], request)


class DecisionResultAnswer(Schema):
    """The result of one of several decisions."""

    id = fields.UUID(required=True)
    status = fields.Integer(
        required=True,
        strict=True,
        metadata={"description": "The status that deciding this one alone would have."},
    )
    problem = fields.Nested(
        ProblemAnswer, unknown=INCLUDE, metadata={"description": "Why it was refused."}
    )


class DecisionResultsAnswer(Schema):
    """The result of each decision, in the order of the ids."""

    items = fields.List(fields.Nested(DecisionResultAnswer), required=True)
