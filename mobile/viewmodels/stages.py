"""The stages and tabs of the app, and the viewmodels of the person who is signed in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from mobile.core.clock import Clock
from mobile.core.database import NewerStore, StoreFull
from mobile.core.rules import Scope
from mobile.core.session import Workspace
from mobile.core.sync import SCOPES
from mobile.core.tokens import TokenStoreError
from mobile.viewmodels.absences import AbsencesModel
from mobile.viewmodels.approvals import ApprovalsModel
from mobile.viewmodels.base import SnackbarMessage, Tasks
from mobile.viewmodels.grid import GridModel
from mobile.viewmodels.months import MonthsModel
from mobile.viewmodels.problems import ProblemsModel
from mobile.viewmodels.profile import ProfileModel
from mobile.viewmodels.timer import TimerModel
from mobile.viewmodels.week import WeekModel


class Stage(StrEnum):
    """The stages from start to use."""

    STARTING = "starting"
    SIGN_IN = "sign_in"
    BROWSER = "browser"
    FIRST_SYNC = "first_sync"
    NO_RIGHTS = "no_rights"
    MAIN = "main"


class Tab(StrEnum):
    """The places of the navigation bar."""

    WEEK = "week"
    TIMER = "timer"
    APPROVALS = "approvals"
    PROFILE = "profile"


class Browser(Protocol):
    """The system's browser and the way back from it."""

    async def listen(self, redirect_uri: str | None) -> str:
        """Wait for a callback, at `redirect_uri` if a sign-in was pending; returns the address."""

    def open(self, address: str) -> None:
        """Show the address to the person."""

    async def answer(self) -> str:
        """The callback address."""

    async def close(self) -> None:
        """Stop listening for the way back."""


@dataclass(frozen=True)
class Models:
    """The viewmodels of the person who is signed in."""

    week: WeekModel
    grid: GridModel
    timer: TimerModel
    approvals: ApprovalsModel
    profile: ProfileModel
    problems: ProblemsModel
    months: MonthsModel
    absences: AbsencesModel

    @property
    def badges(self) -> dict[Tab, int]:
        """The number of open items on each tab."""
        return {
            Tab.WEEK: len(self.week.notices),
            Tab.APPROVALS: len(self.approvals.pending),
            Tab.PROFILE: len(self.problems.problems),
        }

    def refresh(self) -> None:
        """Read again; each calls its watchers only if what it shows has changed."""
        self.week.refresh()
        self.grid.refresh()
        self.approvals.refresh()
        self.profile.refresh()
        self.problems.refresh()
        self.months.refresh()
        self.absences.refresh()


def make_models(
    workspace: Workspace, clock: Clock, tasks: Tasks, notify: Callable[[SnackbarMessage], None]
) -> Models:
    """The models of all screens."""
    week = WeekModel(workspace, clock, notify)
    return Models(
        week=week,
        grid=GridModel(workspace, clock, week, notify),
        timer=TimerModel(workspace, clock),
        approvals=ApprovalsModel(workspace, clock, tasks, notify),
        profile=ProfileModel(workspace, clock, tasks, notify),
        problems=ProblemsModel(workspace, clock, notify),
        months=MonthsModel(workspace, clock),
        absences=AbsencesModel(workspace, clock, notify),
    )


def failure_of(error: Exception) -> str:
    """The key of the text that explains the error."""
    known = {TokenStoreError: "store", NewerStore: "newer", StoreFull: "full"}
    return known.get(type(error), "offline")


def stage_of(workspace: Workspace) -> Stage:
    """The stage of a person who is signed in, by the scopes of their token."""
    if Scope.READ_TIMESHEETS in workspace.engine.scopes:
        return Stage.MAIN
    return Stage.FIRST_SYNC if workspace.store.get(SCOPES) is None else Stage.NO_RIGHTS


def tabs_of(workspace: Workspace | None) -> tuple[Tab, ...]:
    """The places to go to; approvals only with the scope."""
    may_approve = workspace is not None and workspace.may(Scope.APPROVE_TIMESHEETS)
    return tuple(tab for tab in Tab if tab is not Tab.APPROVALS or may_approve)
