"""The violations that requests and uploads explain in the same words."""

from __future__ import annotations

from datetime import date

from libs.rules.violations import Violation


def closed_day(closed_through: date) -> Violation:
    """The violation of an entry in the closed period."""
    return Violation("date", "closed", f"The period through {closed_through} is closed.")


def unknown_project(code: str) -> Violation:
    """The violation of an entry on a project that does not exist."""
    return Violation("project", "unknown_project", f"There is no project {code}.")


def inactive_project(code: str) -> Violation:
    """The violation of an entry on a project that has ended."""
    return Violation("project", "inactive_project", f"The project {code} is no longer active.")


def missing_note() -> Violation:
    """The violation of an entry without the note that its project requires."""
    return Violation("note", "note_required", "This project requires a note.")
