"""Projects."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from marshmallow import ValidationError, fields, post_load, validate, validates

from libs.web.schemas import Day, PageQuery, StrictSchema, Text, Truth
from services.entries.model import MAX_TASK_LENGTH
from services.entries.store.projects import ProjectDraft


@dataclass(frozen=True, slots=True)
class ProjectQuery:
    """The query of a list of projects."""

    active: bool | None
    limit: int
    cursor: str | None


class ProjectQuerySchema(PageQuery):
    """The query parameters of a list of projects."""

    makes = ProjectQuery

    active = fields.Boolean(
        load_default=None,
        truthy={"true"},
        falsy={"false"},
        error_messages={"invalid": "true or false is expected."},
    )


MAX_TASKS = 200


class _ProjectFields(StrictSchema):
    name = Text(
        minimum=1,
        maximum=200,
        required=True,
        metadata={"description": "For people.", "example": "Website"},
    )
    customer = Text(
        minimum=1,
        maximum=200,
        required=True,
        metadata={"description": "The customer who pays.", "example": "Big Company"},
    )
    active = Truth(
        load_default=True,
        metadata={"description": "false ends the project: it takes no new work.", "example": True},
    )
    billable = Truth(
        load_default=True,
        metadata={"description": "The default of entries that name none.", "example": True},
    )
    tasks = fields.List(
        Text(minimum=1, maximum=MAX_TASK_LENGTH),
        load_default=list,
        validate=validate.Length(max=MAX_TASKS, error=f"At most {MAX_TASKS} tasks."),
        metadata={"description": "Suggestions of clients for `task`.", "example": ["Design"]},
    )
    note_required = Truth(
        load_default=False,
        metadata={"description": "Whether each entry needs a note.", "example": False},
    )

    @validates("tasks")
    def check_tasks(self, tasks: list[str], data_key: str) -> None:
        if len(set(tasks)) < len(tasks):
            raise ValidationError("A task is listed twice.", data_key)


class NewProjectSchema(_ProjectFields):
    """The body that creates a project."""

    @post_load
    def make(self, data: dict[str, Any], **_options: Any) -> ProjectDraft:
        """Turn the body into a `ProjectDraft`."""
        return ProjectDraft(**{**data, "tasks": tuple(data["tasks"])})


@dataclass(frozen=True, slots=True)
class ProjectPatch:
    """The fields to change, and the first day of a new name, customer or billable default."""

    changes: dict[str, Any]
    since: date | None


class ProjectPatchSchema(_ProjectFields):
    """The body that changes some fields of a project."""

    since = Day(
        data_key="from",
        metadata={
            "description": (
                "The first day of a new name, customer or billable default; today (UTC) unless "
                "given. Not in the closed period. Other fields change at once, so a change of "
                "these takes no later day."
            ),
            "example": "2027-01-01",
        },
    )

    def __init__(self, **options: Any) -> None:
        super().__init__(partial=True, **options)

    @post_load
    def make(self, data: dict[str, Any], **_options: Any) -> ProjectPatch:
        """Turn the body into a `ProjectPatch`."""
        since = data.pop("since", None)
        if "tasks" in data:
            data["tasks"] = tuple(data["tasks"])
        return ProjectPatch(data, since)
