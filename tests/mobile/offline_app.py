"""The app of one person without a network."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mobile.core.rules import Scope
from mobile.core.session import Workspace
from mobile.core.sync import SCOPES
from mobile.viewmodels.approvals import ApprovalsModel
from mobile.viewmodels.base import SnackbarMessage, Tasks
from mobile.viewmodels.entry_form import EntryDefaults, EntryForm
from mobile.viewmodels.problems import ProblemsModel
from mobile.viewmodels.profile import ProfileModel
from mobile.viewmodels.week import WeekModel
from tests.mobile.device import MONDAY, Device
from tests.mobile.support import AppClock


@dataclass
class OfflineApp:
    """A workspace without a network, and what it said."""

    workspace: Workspace
    device: Device
    clock: AppClock
    said: list[SnackbarMessage] = field(default_factory=list)

    @property
    def week(self) -> WeekModel:
        return WeekModel(self.workspace, self.clock, self.said.append)

    def form(self, **start: Any) -> EntryForm:
        return EntryForm(self.workspace, self.clock, EntryDefaults(**{"date": MONDAY, **start}))

    def approvals(self) -> ApprovalsModel:
        return ApprovalsModel(self.workspace, self.clock, Tasks(), self.said.append)

    def profile(self) -> ProfileModel:
        return ProfileModel(self.workspace, self.clock, Tasks(), self.said.append)

    def problems(self) -> ProblemsModel:
        return ProblemsModel(self.workspace, self.clock, self.said.append)

    def allow(self, *scopes: Scope) -> None:
        self.device.store.set(SCOPES, sorted(scopes))


def approval(number: int, **changed: Any) -> dict[str, Any]:
    body = {"id": f"approval-{number}", "submission_id": f"submission-{number}"}
    body |= {"person": f"auth0|{number}", "person_name": f"Person {number}", "week": "2026-W47"}
    return {**body, "state": "pending", "flags": [], "submitted_at": None, **changed}
