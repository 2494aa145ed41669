"""Search over projects and over the person's own entries."""

from __future__ import annotations

from mobile.core.wire import Project


def find_projects(projects: list[Project], typed: str) -> list[Project]:
    """Active projects that contain every word typed, those that begin with it first."""
    terms = typed.casefold().split()
    active = [(project, _text(project)) for project in projects if project.active]
    found = [(project, text) for project, text in active if all(term in text for term in terms)]
    found.sort(key=lambda pair: not pair[1].startswith(" ".join(terms)))
    return [project for project, _ in found]


def _text(project: Project) -> str:
    return f"{project.name} {project.code} {project.customer}".casefold()
