"""A company on one device and no network: for pictures, measurements and tests of the screens."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from mobile.core.changes import Failure
from mobile.core.clock import Clock
from mobile.core.identity import Identity
from mobile.core.pulling import OVERDUE
from mobile.core.rules import Draft, Scope, State
from mobile.core.sending import PROFILE
from mobile.core.session import IDENTITY, Session, Workspace
from mobile.core.settings import AppSettings
from mobile.core.sync import SCOPES, SYNCED_AT
from mobile.core.timesheet import RULES
from mobile.core.weeks import Week
from mobile.core.wire import Entry, Project, Timesheet
from mobile.viewmodels.app import AppModel
from mobile.viewmodels.approvals import REASONS
from mobile.viewmodels.stages import Stage
from mobile.viewmodels.timer import TIMER

REASON = "Thursday's templates belong to the web shop. Please move them and send the week again."
NOW = datetime(2026, 11, 19, 14, 30, tzinfo=UTC)
TODAY = NOW.date()
THIS = Week.of(TODAY)
SUB = "auth0|maya"
NOTES = ("Checkout", "Checkout", "Vouchers", "Load test", "Review", "Release", "")
PROJECTS = [
    Project("BIG-WEB", "Website relaunch", "Big Company"),
    Project("BIG-SHOP", "Web shop", "Big Company"),
    Project("NORTH-ERP", "ERP roll-out", "Northern Railways"),
    Project("NORTH-SUP", "Support", "Northern Railways"),
    Project("CITY-APP", "Citizens' app", "City of Example"),
    Project("CITY-DATA", "Open data portal", "City of Example"),
    Project("INT-OPS", "Operations", "ExampleCo", billable=False),
    Project("INT-LEARN", "Learning", "ExampleCo", billable=False),
]
WORK = {
    0: [("BIG-WEB", 300, "Templates"), ("NORTH-ERP", 180, "Import of master data")],
    1: [("BIG-WEB", 270, "Review with the customer"), ("INT-LEARN", 180, "Kotlin course")],
    2: [("NORTH-ERP", 300, "Import of master data"), ("BIG-SHOP", 180, "Payment page")],
    3: [("BIG-WEB", 90, "sprint planning")],
}
# Of a week that is over, the days are full.
FULL = {
    **WORK,
    3: [("BIG-WEB", 330, "Templates"), ("CITY-APP", 150, "Accessibility review")],
    4: [("CITY-APP", 240, "Accessibility review"), ("INT-OPS", 270, "Release")],
}
SCOPES_OF_MANAGER = [
    Scope.READ_TIMESHEETS,
    Scope.CREATE_TIMESHEETS,
    Scope.DELETE_TIMESHEETS,
    Scope.APPROVE_TIMESHEETS,
    Scope.READ_PEOPLE,
]


class StillClock(Clock):
    """A clock that stands, so that pictures do not depend on the day."""

    def __init__(self, now: datetime = NOW) -> None:
        self.time = now

    def now(self) -> datetime:
        """The moment at which the clock stands."""
        return self.time

    def today(self) -> date:
        """The day at which the clock stands."""
        return self.time.date()

    def monotonic(self) -> float:
        """The moment at which the clock stands, in seconds."""
        return self.time.timestamp()


class OfflineSession(Session):
    """Opens a workspace and leaves the network alone."""

    def start(self) -> None:
        """Synchronises nothing."""

    def open_sample(self, sub: str = SUB) -> Workspace:
        """Open the sample's data as if somebody had signed in."""
        return self._open(sub)


class NoTokens:
    """A token store without tokens."""

    def load(self, _name: str) -> str | None:
        """None: there are no tokens."""
        return None

    def save(self, _name: str, _secret: str) -> None:
        """Stores nothing."""

    def delete(self, _name: str) -> None:
        """Is always empty."""


class NoBrowser:
    """A browser that is never opened."""

    back_to = ""

    async def listen(self, _redirect_uri: str | None) -> str:
        """An empty address."""
        return ""

    def open(self, _address: str) -> None:
        """No one can sign in here."""

    async def answer(self) -> str:
        """An empty answer."""
        return ""

    async def close(self) -> None:
        """Opens nothing."""


def make_session(http: httpx.AsyncClient, folder: Path, clock: Clock) -> OfflineSession:
    """A session that reaches no server."""
    return OfflineSession(AppSettings(), NoTokens(), http, folder, clock)


def fill(workspace: Workspace, picture: str | None = None) -> None:
    """The data on Maya's phone on a Thursday afternoon."""
    store = workspace.store
    store.set(IDENTITY, asdict(Identity(SUB, "Maya Manager", "maya@exampleco.com", picture)))
    store.set(SCOPES, sorted(SCOPES_OF_MANAGER))
    store.set(RULES, {"target_minutes": 2400})
    store.set(SYNCED_AT, NOW.isoformat())
    profile = {"target_minutes": 2400, "delegate": _delegate("marco", "Marco Manager")}
    store.set(PROFILE, {**profile, "delegated_by": [_delegate("monika", "Monika Manager")]})
    store.set(REASONS, ["No notes", "Travel is not billable"])
    run_timer(workspace)
    store.replace_projects(PROJECTS)
    for back in range(4):
        week = THIS.plus(-back)
        for offset, works in (FULL if back else WORK).items():
            for code, minutes, note in works:
                store.put_entry(_entry(week.monday + timedelta(days=offset), code, minutes, note))
    store.put_timesheets(
        [
            Timesheet(str(THIS), State.OPEN, 9, target_minutes=2400, total_minutes=1530),
            Timesheet(
                str(THIS.plus(-1)), State.SUBMITTED, 4, target_minutes=2400, total_minutes=2400
            ),
            Timesheet(
                str(THIS.plus(-2)), State.APPROVED, 5, target_minutes=2400, total_minutes=2400
            ),
            Timesheet(
                str(THIS.plus(-3)),
                State.OPEN,
                5,
                reason=REASON,
                target_minutes=2400,
                total_minutes=2400,
            ),
        ],
        with_entries=True,
    )
    workspace.store.calendar.put_absence(
        {"id": "a1", "from": "2026-12-21", "to": "2027-01-01", "kind": "vacation", "portion": 1}
    )
    workspace.store.calendar.put_absence(
        {"id": "a2", "from": "2026-11-05", "to": "2026-11-05", "kind": "sick", "portion": 0.5}
    )
    for each in _approvals():
        store.put_approval(each, detailed=True)
    store.set(OVERDUE, _overdue())
    workspace.timesheet.save(Draft(TODAY, "NORTH-SUP", 30, note="Call about the printer"))


def run_timer(workspace: Workspace) -> None:
    """Let the timer run since three quarters of an hour."""
    began = {"started": (NOW - timedelta(minutes=47, seconds=12)).isoformat(), "day": str(TODAY)}
    workspace.store.set(TIMER, {"project": "CITY-APP", "note": "Accessibility review", **began})


def add_problem(workspace: Workspace) -> None:
    """An edit that crossed with somebody else's."""
    entry = _entry(THIS.monday, "BIG-WEB", 300, "Templates")
    workspace.timesheet.save(
        Draft(THIS.monday, "BIG-WEB", 270, note="Templates, first half"), entry.id
    )
    change = workspace.outbox.of_target(entry.id)[-1]
    theirs = {**asdict(entry), "date": str(entry.date), "minutes": 330, "version": 4}
    theirs["note"] = "Templates and menus"
    failure = Failure(412, "Somebody changed this meanwhile.", current=theirs)
    workspace.outbox.set_failure(change.seq, failure)


def make_model(session: Session) -> AppModel:
    """The app of the session."""
    return AppModel(session, NoBrowser())


def enter(model: AppModel, stage: Stage | None = None) -> None:
    """As after a start; `stage` shows another screen instead."""
    model._enter()
    if stage is not None:
        model._show(stage)


def _entry(day: date, code: str, minutes: int, note: str) -> Entry:
    made = uuid.uuid5(uuid.NAMESPACE_OID, f"{day} {code}")
    return Entry(str(made), day, code, minutes, 3, note=note)


def _overdue() -> list[dict[str, Any]]:
    return [
        {
            "person": "auth0|ella",
            "person_name": "Ella Employee",
            "week": "2026-W46",
            "days_late": 4,
        },
        {"person": "auth0|cora", "person_name": "Cora Contractor", "week": "2026-W45"}
        | {"days_late": 11},
    ]


def _delegate(key: str, name: str) -> dict[str, str]:
    until = (TODAY + timedelta(days=11)).isoformat()
    return {
        "person": f"auth0|{key}",
        "name": name,
        "from": TODAY.isoformat(),
        "to": until,
    }


def _history(key: str, submitted: datetime, *, again: bool) -> list[dict[str, Any]]:
    last = {"event": "submitted", "at": submitted.isoformat(), "actor": f"auth0|{key}"}
    if not again:
        return [last]
    first = {**last, "at": (submitted - timedelta(days=1, hours=3)).isoformat()}
    rejected = {"event": "rejected", "actor": SUB, "reason": "Saturday is not agreed."}
    return [first, {**rejected, "at": (submitted - timedelta(hours=20)).isoformat()}, last]


def _approvals() -> list[dict[str, Any]]:
    people = (
        ("erin", "Erin Employee", 2400, []),
        ("carl", "Carl Contractor", 3150, ["over_10_hours", "weekend", "uploaded", "resubmitted"]),
        ("emil", "Emil Employee", 2280, ["off_target"]),
    )
    pending = [_approval(key, name, total, flags) for key, name, total, flags in people]
    decided = [
        {**_approval("elena", "Elena Employee", 1920, []), "state": "approved"},
        {**_approval("cem", "Cem Contractor", 2400, []), "state": "rejected", "reason": "No notes"},
    ]
    pending[1] |= {"why": "delegate", "acting_for": "auth0|monika"}
    return pending + decided


def _approval(key: str, name: str, total: int, flags: list[str]) -> dict[str, Any]:
    week = THIS.plus(-1)
    shares = (0.19, 0.21, 0.2, 0.22, 0.1, 0.08, 0) if flags else (0.2, 0.2, 0.2, 0.2, 0.2, 0, 0)
    by_day = {
        str(day): int(total * share) // 15 * 15
        for day, share in zip(week.days, shares, strict=True)
    }
    by_day[str(week.monday)] += total - sum(by_day.values())
    submitted = NOW - timedelta(days=3, minutes=len(key) * total % 997)
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_OID, key)),
        "submission_id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{key} submission")),
        "person": f"auth0|{key}",
        "person_name": name,
        "week": str(week),
        "state": "pending",
        "total_minutes": total,
        "target_minutes": 2400,
        "previous_reason": "Saturday is not agreed." if "resubmitted" in flags else None,
        "by_day": by_day,
        "by_project": {"BIG-SHOP": total - total // 3, "NORTH-SUP": total // 3},
        "submitted_at": submitted.isoformat(),
        "why": "manager",
        "flags": flags,
        "entries": [
            {"date": str(day), "project": "BIG-SHOP", "minutes": minutes, "note": note}
            for day, minutes, note in zip(week.days, by_day.values(), NOTES, strict=True)
            if minutes
        ],
        "history": _history(key, submitted, again="resubmitted" in flags),
    }
