"""Reading what others changed, service by service."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta

from mobile.core.clock import Clock
from mobile.core.database import Database
from mobile.core.network import RequestRejected
from mobile.core.rules import ApprovalState
from mobile.core.sending import PROFILE
from mobile.core.services import Fetched, Services
from mobile.core.store import Store
from mobile.core.timesheet import RULES
from mobile.core.weeks import Week
from mobile.core.wire import (
    Absence,
    CalendarDay,
    Entry,
    OverdueWeek,
    Project,
    Rules,
    Timesheet,
    UnexpectedResponse,
    read,
    read_items,
)

log = logging.getLogger(__name__)

WEEKS_BACK, WEEKS_AHEAD = 8, 4
# States and totals reach further back than entries: "my months" shows them.
HISTORY_WEEKS = 52
# Older decisions are a matter for the reports.
DECIDED_WEEKS = 6
OVERDUE = "overdue"
DECIDED = "decided"


@dataclass
class Puller:
    """Stores what the services send; each list in one transaction with its validators."""

    database: Database
    store: Store
    services: Services
    clock: Clock

    async def rules(self) -> Rules:
        """Fetch the rules and keep them."""
        rules = await self.services.rules()
        closed = rules.closed_through.isoformat() if rules.closed_through else None
        self.store.set(RULES, {"closed_through": closed, "target_minutes": rules.target_minutes})
        return rules

    async def own(self, weeks: Iterable[Week]) -> None:
        """Projects, entries, absences and weeks; `weeks` are read even outside the window."""
        this_week = Week.of(self.clock.today())
        first, last = this_week.plus(-WEEKS_BACK), this_week.plus(WEEKS_AHEAD)
        self._save(await self.services.projects(), self._save_projects)
        timesheets = await self.services.timesheets(str(this_week.plus(-HISTORY_WEEKS)), str(last))
        entries = await self.services.entries(first.monday, last.sunday)
        self._save(entries, lambda items: self._save_entries(items, first, last))
        self._save(timesheets, lambda items: self._save_timesheets(items, str(first)))
        for week in weeks:
            if not first <= week <= last:
                await self.week(week)
        await self._optional(self._calendar)
        await self._optional(self._absences)

    async def week(self, week: Week) -> None:
        """One week with its entries."""
        self._save(
            await self.services.week(str(week)), lambda items: self._save_week(items[0], week)
        )

    async def profile(self) -> None:
        """Fetch the profile and keep it."""
        fetched = await self.services.profile()
        self._save(fetched, lambda items: self.store.set(PROFILE, items[0]))

    async def approvals(self, *, with_decided: bool) -> None:
        """Pending and overdue; decided ones if asked for, or if the pending ones changed."""
        overdue = await self.services.overdue()
        self._save(overdue, self._save_overdue)
        pending = await self.services.approvals(state=ApprovalState.PENDING)
        if pending is None and not with_decided:
            return
        if pending is None:
            self.store.validators.forget("/v1/approvals?")
            pending = await self.services.approvals(state=ApprovalState.PENDING)
        items = pending.items if pending is not None else []
        seen = {body["id"] for body in items}
        decided: list[dict[str, object]] = []
        for week in self._recent_weeks():
            self.store.validators.forget("/v1/approvals?limit=200&week=")
            fetched = await self.services.approvals(week=str(week))
            found = fetched.items if fetched is not None else []
            decided += [body for body in found if body["id"] not in seen]
        with self.database.transaction():
            self.store.replace_approvals([*items, *decided])
            if pending is not None:
                self.store.validators.set(pending.validators)

    def _save(
        self, fetched: Fetched | None, save: Callable[[list[dict[str, object]]], None]
    ) -> None:
        if fetched is None:
            return
        with self.database.transaction():
            save(fetched.items)
            self.store.validators.set(fetched.validators)

    def _save_projects(self, items: list[dict[str, object]]) -> None:
        self.store.replace_projects([read(Project, item) for item in items])

    def _save_entries(self, items: list[dict[str, object]], first: Week, last: Week) -> None:
        entries = [read(Entry, item) for item in items]
        self.store.replace_entries(first.monday, last.sunday, entries)

    def _save_timesheets(self, items: list[dict[str, object]], first: str) -> None:
        timesheets = [read(Timesheet, item) for item in items]
        recent = [each for each in timesheets if each.week >= first]
        self.store.put_timesheets(recent, with_entries=True)
        older = [each for each in timesheets if each.week < first]
        self.store.put_timesheets(older, with_entries=False)

    def _save_week(self, item: dict[str, object], week: Week) -> None:
        entries = read_items(Entry, {"items": item.get("entries")})
        self.store.replace_entries(week.monday, week.sunday, entries)
        self.store.put_timesheets([read(Timesheet, item)], with_entries=True)

    def _save_overdue(self, items: list[dict[str, object]]) -> None:
        for item in items:
            read(OverdueWeek, item)
        self.store.set(OVERDUE, items)

    async def _calendar(self) -> None:
        this_week = Week.of(self.clock.today())
        first, last = this_week.plus(-WEEKS_BACK).monday, this_week.plus(WEEKS_AHEAD).sunday
        fetched = await self.services.calendar(first, last)
        self._save(
            fetched,
            lambda items: self.store.calendar.replace_days(
                first, last, [read(CalendarDay, item) for item in items]
            ),
        )

    async def _absences(self) -> None:
        today = self.clock.today()
        year = timedelta(days=365)
        fetched = await self.services.absences(today - year, today + year)
        self._save(fetched, self._save_absences)

    def _save_absences(self, items: list[dict[str, object]]) -> None:
        for item in items:
            read(Absence, item)
        self.store.calendar.replace_absences(items)

    async def _optional(self, pull: Callable[[], Awaitable[None]]) -> None:
        """An older server does not have these routes; everything else must still be read."""
        try:
            await pull()
        except (RequestRejected, UnexpectedResponse) as error:
            old = isinstance(error, RequestRejected) and error.status == 404
            log.log(logging.INFO if old else logging.WARNING, "skipped: %r", error)

    def _recent_weeks(self) -> list[Week]:
        this_week = Week.of(self.clock.today())
        return [this_week.plus(-back) for back in range(DECIDED_WEEKS)]
