"""The navigation, by scope."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from portal.i18n import _
from portal.sessions.model import Session


@dataclass(frozen=True, slots=True)
class Item:
    """A link of the navigation; `badge` is a number of things that wait."""

    path: str
    label: str
    icon: str
    is_current: bool
    badge: int | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """Links of the navigation under one heading."""

    label: str
    items: tuple[Item, ...]


def _sections() -> tuple[tuple[str, tuple[tuple[str, str, str, tuple[str, ...]], ...]], ...]:
    """Label, then path, label, icon and scopes of each item; no scope: everybody."""
    own = ("read:timesheets",)
    return (
        (
            _("My time"),
            (
                ("/weeks", _("Week"), "week", own),
                ("/timer", _("Timer"), "timer", ("create:timesheets",)),
                ("/months", _("My months"), "months", own),
                ("/absences", _("Absences"), "absence", own),
            ),
        ),
        (
            _("Team"),
            (
                ("/approvals", _("Approvals"), "approve", ("approve:timesheets",)),
                ("/team", _("Team weeks"), "team", ("approve:timesheets", "read:reports")),
                ("/reports", _("Reports"), "report", ("read:reports",)),
            ),
        ),
        (
            _("Administration"),
            (
                ("/admin/projects", _("Projects"), "project", ("manage:timesheets",)),
                ("/admin/people", _("People"), "people", ("read:people",)),
                ("/admin/unassigned", _("No approver"), "alert", ("manage:timesheets",)),
                ("/admin/period", _("Period"), "lock", ("manage:timesheets",)),
                ("/admin/holidays", _("Holidays"), "holiday", ("manage:timesheets",)),
                ("/admin/batches", _("Batches"), "upload", ("manage:timesheets",)),
                ("/admin/changes", _("Change log"), "history", ("read:audit",)),
            ),
        ),
    )


def navigation(path: str, session: Session | None, badges: Mapping[str, int]) -> list[Section]:
    """The sections that the person can use."""
    if session is None:
        return []
    current = "/weeks" if path == "/" else path
    sections = []
    for label, entries in _sections():
        items = tuple(
            Item(target, text, icon, _is_at(current, target), badges.get(target))
            for target, text, icon, scopes in entries
            if session.may(*scopes)
        )
        if items:
            sections.append(Section(label, items))
    return sections


def _is_at(path: str, target: str) -> bool:
    return path == target or path.startswith(f"{target}/")
