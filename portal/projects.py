"""Projects as they are chosen by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Choice:
    """`label` is what people read, `value` what the field holds."""

    code: str
    value: str
    label: str
    tasks: tuple[str, ...] = ()


def project_choices(projects: Iterable[Json]) -> list[Choice]:
    """The active ones, by name."""
    return [
        Choice(
            project["code"],
            project_label(project),
            project["customer"],
            tuple(project.get("tasks") or ()),
        )
        for project in sorted(projects, key=lambda project: project["name"].casefold())
        if project["active"]
    ]


def project_label(project: Json) -> str:
    """The project as it is shown and typed: its name, and its code in brackets."""
    return f"{project['name']} ({project['code']})"


def find_project(text: str, projects: Sequence[Json]) -> Json | None:
    """By code, by label, or by a name that only one has."""
    sought = text.strip().casefold()
    for project in projects:
        if sought in (project["code"].casefold(), project_label(project).casefold()):
            return project
    named = [project for project in projects if project["name"].casefold() == sought]
    return named[0] if len(named) == 1 else None
