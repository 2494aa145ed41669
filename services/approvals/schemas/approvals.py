"""Approvals and their history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from marshmallow import fields, post_load, validate
from msgspec import Meta

from libs.rules.calendar import Week
from libs.rules.limits import MAX_PERSON_LENGTH
from libs.service.fields import WeekField
from libs.web.resources import DOCUMENTED_AS, answer_schema
from libs.web.schemas import PageQuery
from services.approvals.chain import StepKind
from services.approvals.model import DecisionRole, Flag, State

NO_FLAGS = "none"
FLAGS = (NO_FLAGS, *(flag.value for flag in Flag))

SUBMISSION_ID = "0b5a1f2e-5d0c-4a3e-9e51-6a3f6f0c2b11"


@dataclass(frozen=True, slots=True)
class ApprovalQuery:
    """`flags` () is for those without any."""

    state: State | None
    person: str | None
    week: Week | None
    flags: tuple[Flag, ...] | None
    why: DecisionRole | None
    limit: int
    cursor: str | None


class ApprovalQuerySchema(PageQuery):
    """The query parameters of a list of approvals."""

    state = fields.Enum(
        State,
        by_value=True,
        load_default=None,
        error_messages={"unknown": f"One of {', '.join(State)} is expected."},
    )
    # Compared byte for byte: neither trimmed nor normalised.
    person = fields.String(
        load_default=None,
        validate=validate.Length(1, MAX_PERSON_LENGTH),
        metadata={"description": "The `sub` of the person whose weeks to list."},
    )
    week = WeekField(load_default=None)
    flags = fields.String(
        load_default=None,
        validate=validate.OneOf(FLAGS, error=f"One of {', '.join(FLAGS)} is expected."),
        metadata={"description": "Those with this flag; `none`: those without any."},
    )
    why = fields.Enum(
        DecisionRole,
        by_value=True,
        load_default=None,
        error_messages={"unknown": f"One of {', '.join(DecisionRole)} is expected."},
        metadata={"description": "Those that you decide, or that were decided, in this role."},
    )

    @post_load
    def make(self, data: dict[str, Any], **_options: Any) -> ApprovalQuery:
        """Turn the parameters into an `ApprovalQuery`; `none` asks for approvals without flags."""
        flag = data.pop("flags")
        flags = None if flag is None else () if flag == NO_FLAGS else (Flag(flag),)
        return ApprovalQuery(flags=flags, **data)


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """A submission, as an approver sees it in a list."""

    id: Annotated[UUID, Meta(description="The submission's id.", examples=[SUBMISSION_ID])]
    submission_id: Annotated[UUID, Meta(description="The same id.", examples=[SUBMISSION_ID])]
    person: Annotated[str, Meta(description="The `sub` of the person.", examples=["auth0|erin"])]
    person_name: Annotated[str | None, Meta(description="Their name.", examples=["Erin Employee"])]
    week: Annotated[str, Meta(description="The ISO week.", examples=["2026-W48"])]
    state: Annotated[State, Meta(description="The state of the approval.", examples=["pending"])]
    total_minutes: Annotated[int, Meta(description="Minutes of the week.", examples=[2400])]
    target_minutes: Annotated[
        int | None,
        Meta(
            description="Target of the week, fixed at submission; null: no target.",
            examples=[2400],
        ),
    ]
    by_day: Annotated[
        dict[date, int],
        Meta(description="Minutes of each day.", examples=[{"2026-11-23": 480}]),
    ]
    by_project: Annotated[
        dict[str, int], Meta(description="Minutes on each project.", examples=[{"BIG-WEB": 480}])
    ]
    submitted_at: Annotated[
        datetime, Meta(description="When submitted.", examples=["2026-11-27T15:00:00Z"])
    ]
    submitted_by: Annotated[
        str, Meta(description="By whom: the person, or somebody for them.", examples=["auth0|erin"])
    ]
    decided_by: Annotated[
        str | None, Meta(description="The person who decided.", examples=["auth0|maya"])
    ]
    decided_at: Annotated[
        datetime | None, Meta(description="When decided.", examples=["2026-11-30T08:00:00Z"])
    ]
    reason: Annotated[
        str | None, Meta(description="Why it was rejected.", examples=["Wrong project"])
    ]
    previous_reason: Annotated[
        str | None,
        Meta(description="Why the submission before was rejected.", examples=["Wrong project"]),
    ]
    approver: Annotated[
        str | None,
        Meta(description="The manager; null: only administrators.", examples=["auth0|maya"]),
    ]
    acting_for: Annotated[
        str | None,
        Meta(description="The manager whose delegate decides.", examples=["auth0|maya"]),
    ]
    why: Annotated[
        DecisionRole | None,
        Meta(description="As what you decide it, or it was decided.", examples=["manager"]),
    ]
    flags: Annotated[
        tuple[Flag, ...], Meta(description="Reasons for a closer look.", examples=[["weekend"]])
    ]
    reopened: Annotated[
        bool, Meta(description="Whether the approved week was opened again.", examples=[False])
    ]
    version: Annotated[int, Meta(description="Counts the changes.", examples=[1])]


class SubmittedEntry(msgspec.Struct, frozen=True):
    """An entry as it was submitted."""

    id: Annotated[UUID, Meta(description="The entry's id.")]
    date: Annotated[date, Meta(description="The day.", examples=["2026-11-23"])]
    project: Annotated[str, Meta(description="The project's code.", examples=["BIG-WEB"])]
    task: Annotated[str | None, Meta(description="The task.", examples=["Planning"])]
    minutes: Annotated[int, Meta(description="From 1 to 1440.", examples=[90])]
    note: Annotated[str, Meta(description="The work done.", examples=["sprint planning"])]
    billable: Annotated[bool, Meta(description="Whether the customer pays.", examples=[True])]
    source: Annotated[str, Meta(description="The origin of the entry.", examples=["app"])]
    project_billable: Annotated[
        bool | msgspec.UnsetType, Meta(description="The project's default.", examples=[True])
    ] = msgspec.UNSET
    changed_by: Annotated[
        str | msgspec.UnsetType | None,
        Meta(
            description="The person who changed an uploaded entry since it was sent.",
            examples=[None],
        ),
    ] = msgspec.UNSET


class SubmittedAbsence(msgspec.Struct, frozen=True, rename={"since": "from", "until": "to"}):
    """An absence that touches the week, as it was submitted."""

    id: Annotated[UUID, Meta(description="The absence's id.")]
    since: Annotated[date, Meta(description="First day.", examples=["2026-11-23"])]
    until: Annotated[date, Meta(description="Last day.", examples=["2026-11-24"])]
    kind: Annotated[str, Meta(description="Why.", examples=["vacation"])]
    portion: Annotated[float, Meta(description="Of each day.", examples=[1])]
    note: Annotated[str | msgspec.UnsetType, Meta(description="A note.")] = msgspec.UNSET


class Step(msgspec.Struct, frozen=True):
    """A row of the history."""

    submission_id: Annotated[UUID, Meta(description="The submission.", examples=[SUBMISSION_ID])]
    person: Annotated[str, Meta(description="The `sub` of the person.", examples=["auth0|erin"])]
    week: Annotated[str, Meta(description="The ISO week.", examples=["2026-W48"])]
    number: Annotated[int, Meta(description="Counts the rows from 1.", examples=[1])]
    event: Annotated[StepKind, Meta(description="The action.", examples=["submitted"])]
    at: Annotated[datetime, Meta(description="When.", examples=["2026-11-27T15:00:00.000000Z"])]
    actor: Annotated[str, Meta(description="The `sub` of the person.", examples=["auth0|erin"])]
    acting_for: Annotated[str | None, Meta(description="For which manager.")]
    why: Annotated[DecisionRole | None, Meta(description="As what.", examples=["manager"])]
    reason: Annotated[str | None, Meta(description="The reason given.")]
    total_minutes: Annotated[int, Meta(description="Minutes of the week.", examples=[2400])]
    by_day: Annotated[dict[date, int], Meta(description="Minutes of each day above 0.")]
    by_project: Annotated[dict[str, int], Meta(description="Minutes on each project.")]
    previous: Annotated[str, Meta(description="The SHA-256 of the row before.")]
    sha256: Annotated[
        str,
        Meta(
            description=(
                "Of all other members as JSON in UTF-8, ordered by name, without white space."
            )
        ),
    ]


class ApprovalDetails(Approval, frozen=True, kw_only=True):
    """A submission with all that was submitted and all that happened to it."""

    entries: Annotated[
        msgspec.Raw,
        Meta(description="The entries, oldest first.", extra={DOCUMENTED_AS: list[SubmittedEntry]}),
    ]
    absences: Annotated[
        msgspec.Raw,
        Meta(description="Absences.", extra={DOCUMENTED_AS: list[SubmittedAbsence]}),
    ]
    holidays: Annotated[
        msgspec.Raw,
        Meta(
            description="The names of the week's holidays, by day.",
            examples=[{"2026-12-25": "Christmas Day"}],
            extra={DOCUMENTED_AS: dict[date, str]},
        ),
    ]
    history: Annotated[list[Step], Meta(description="Oldest row first.")]


class ApprovalPage(msgspec.Struct, frozen=True):
    """A page of approvals."""

    items: list[Approval]
    next: Annotated[str | None, Meta(description="Address of the next page; null: none.")]
    overdue: Annotated[
        int | None,
        Meta(
            description="The number of weeks at /v1/approvals/overdue; null after the first page.",
            examples=[2],
        ),
    ]


class History(msgspec.Struct, frozen=True):
    """The history of an approval."""

    items: Annotated[list[Step], Meta(description="Oldest row first.")]
    next: Annotated[str | None, Meta(description="Always null: all are listed.")] = None


ApprovalAnswer = answer_schema(ApprovalDetails)
ApprovalPageAnswer = answer_schema(ApprovalPage)
HistoryAnswer = answer_schema(History)
