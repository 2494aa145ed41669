"""Compares lists and reports of the services with the model."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from typing import Any

from libs.rules.calendar import Week
from tests.e2e.half_year.company import Company, sub
from tests.e2e.model_driver.delegate_rules import MANAGERS
from tests.e2e.model_driver.driver import Driver
from tests.e2e.model_driver.scene import Disagreement
from tests.e2e.model_driver.state import DAY, Authority, Entry, Sheet, State, total

WEEKS_SHOWN = 12
TOTALS_SHOWN = 300


@dataclass
class Comparison:
    """All that can be asked for, after a step."""

    driver: Driver

    @property
    def company(self) -> Company:
        return self.driver.company

    @property
    def state(self) -> State:
        return self.driver.state

    @property
    def _range(self) -> str:
        """All days of entries."""
        return f"from=2026-01-01&to={Week.of(self.state.today).plus(6).sunday}"

    async def check(self) -> None:
        self.by_week: dict[tuple[str, Week], list[Entry]] = defaultdict(list)
        for entry in self.state.entries.values():
            self.by_week[entry.person, Week.of(entry.day)].append(entry)
        await self._check_entries()
        await self._check_weeks()
        await self._check_report_of_weeks()
        await self._check_totals()
        await self._check_approvals()
        await self._check_missing()
        self.overdue = self._overdue()
        await self._check_overdue("ada")
        await self._check_teams()

    def _equal(self, what: str, found: Any, expected: Any) -> None:
        if found == expected:
            return
        if isinstance(found, dict) and isinstance(expected, dict):
            keys = [
                key for key in found.keys() | expected.keys() if found.get(key) != expected.get(key)
            ]
            found = {key: found.get(key) for key in keys[:5]}
            expected = {key: expected.get(key) for key in keys[:5]}
        if isinstance(found, set) and isinstance(expected, set):
            found, expected = found - expected, expected - found
        raise Disagreement(
            f"after step {self.driver.number}, {self.state.today}: {what}\n"
            f"found    {found}\nexpected {expected}"
        )

    async def _check_entries(self) -> None:
        path = f"/v1/reports/entries?{self._range}&format=ndjson"
        reply = await self.company.call("ada", "GET", "entries", path)
        self._equal("the status of the export", reply.status, 200)
        found = {}
        for line in reply.body.splitlines():
            row = json.loads(line)
            found[row["id"]] = tuple(
                row[name]
                for name in (
                    *("person", "date", "project", "minutes", "note", "billable", "external_id"),
                    *("state", "customer", "project_name"),
                )
            )
        expected = {}
        for entry in self.state.entries.values():
            project = self.state.projects[entry.project]
            expected[entry.id] = (
                sub(entry.person), str(entry.day), entry.project, entry.minutes, entry.note,
                entry.billable, entry.external_id,
                self.state.sheet(entry.person, entry.day).state,
                project.value("customer", entry.day), project.value("name", entry.day),
            )  # fmt: skip
        self._equal("entries", found, expected)

    async def _check_weeks(self) -> None:
        last = Week.of(self.state.today).plus(5)
        first = last.plus(1 - WEEKS_SHOWN)
        for person in self.state.people:
            path = f"/v1/timesheets?person={sub(person)}&from={first}&to={last}&limit=200"
            found, expected = {}, {}
            for page in await self.company.pages("ada", "entries", path):
                week = Week.parse(page["week"])
                found[page["week"]] = (
                    *(page["state"], page["reason"], page["submission_id"]),
                    *(page["total_minutes"], page["target_minutes"], page["by_project"]),
                    [(day["minutes"], day["target_minutes"]) for day in page["days"]],
                    [day["lock_reason"] for day in page["days"]],
                )
                expected[page["week"]] = self._week(person, week)
            self._equal(f"weeks of {person}", found, expected)

    def _week(self, person: str, week: Week) -> tuple[Any, ...]:
        sheet = self.state.sheets.get((person, week), Sheet())
        entries = self.by_week[person, week]
        targets = self.state.shown_targets(person, week)
        by_project: dict[str, int] = defaultdict(int)
        by_day: dict[date, int] = defaultdict(int)
        for entry in entries:
            by_project[entry.project] += entry.minutes
            by_day[entry.day] += entry.minutes
        minutes = [by_day[day] for day in week.days]
        return (
            *(sheet.state, sheet.reason, sheet.submission),
            *(sum(minutes), total(targets), dict(by_project)),
            list(zip(minutes, targets, strict=True)),
            [self.driver.rules.lock(person, day) for day in week.days],
        )

    async def _check_report_of_weeks(self) -> None:
        rows = await self.company.pages(
            "ada", "entries", f"/v1/reports/weeks?{self._range}&limit=200"
        )
        found = {
            (row["person"], row["week"]): (
                *(row["state"], row["late"], row["total_minutes"], row["billable_minutes"]),
                row["entries"],
            )
            for row in rows
        }
        expected = {}
        for person, week in self.by_week.keys() | self.state.sheets.keys():
            sheet = self.state.sheets.get((person, week), Sheet())
            entries = self.by_week[person, week]
            if entries or sheet.state != "open" or (sub(person), str(week)) in found:
                expected[sub(person), str(week)] = (
                    *(sheet.state, sheet.late, sum(entry.minutes for entry in entries)),
                    sum(entry.minutes for entry in entries if entry.billable),
                    len(entries),
                )
        # Weeks that were emptied or locked may have a row without anything in it.
        empty = {key for key, row in found.items() if row == ("open", False, 0, 0, 0)}
        found = {key: row for key, row in found.items() if key in expected or key not in empty}
        self._equal("reports/weeks", found, expected)

    async def _check_totals(self) -> None:
        first = max(date(2026, 1, 1), self.state.today - DAY * TOTALS_SHOWN)
        last = Week.of(self.state.today).plus(6).sunday
        entries = [entry for entry in self.state.entries.values() if entry.day >= first]
        groups = ("person", "customer", "billable")
        query = f"from={first}&to={last}&limit=200"
        path = f"/v1/reports/totals?{query}&group_by={','.join(groups)}"
        rows = await self.company.pages("ada", "entries", path)
        found = {tuple(row[name] for name in groups): row["minutes"] for row in rows}
        expected: dict[tuple[Any, ...], int] = defaultdict(int)
        for entry in entries:
            customer = self.state.projects[entry.project].value("customer", entry.day)
            expected[sub(entry.person), customer, entry.billable] += entry.minutes
        self._equal("totals by person", found, dict(expected))
        path = f"/v1/reports/totals?{query}&group_by=project,month"
        rows = await self.company.pages("ada", "entries", path)
        found = {
            (row["project"], row["month"]): (row["minutes"], row["billable_minutes"])
            for row in rows
        }
        sums: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0])
        for entry in entries:
            both = sums[entry.project, f"{entry.day:%Y-%m}"]
            both[0] += entry.minutes
            both[1] += entry.minutes if entry.billable else 0
        self._equal("totals by project", found, {key: tuple(both) for key, both in sums.items()})

    async def _check_approvals(self) -> None:
        rows = await self.company.pages("ada", "approvals", "/v1/approvals?limit=200")
        found = {
            row["submission_id"]: (
                *(row["person"], row["week"], row["state"], row["total_minutes"]),
                *(row["target_minutes"], sorted(row["flags"])),
                *(row["why"], row["acting_for"]),
            )
            for row in rows
        }
        expected = {
            key: (
                *(sub(each.person), str(each.week), each.state, each.total),
                *(each.target, sorted(each.flags)),
                *_shown(each.authority or self.driver.rules.authority("ada", each.person)),
            )
            for key, each in self.state.approvals.items()
        }
        self._equal("approvals", found, expected)

    async def _check_teams(self) -> None:
        """Managers see what they decide and wait for, as managers and as delegates."""
        for actor in MANAGERS:
            if not self.state.people[actor].active:
                continue
            path = "/v1/approvals?state=pending&limit=200"
            rows = await self.company.pages(actor, "approvals", path)
            found = {row["submission_id"]: (row["why"], row["acting_for"]) for row in rows}
            expected = {
                key: _shown(authority)
                for key, each in self.state.approvals.items()
                if each.state == "pending"
                and (authority := self.driver.rules.authority(actor, each.person))
            }
            self._equal(f"approvals of {actor}", found, expected)
            await self._check_overdue(actor)

    async def _check_missing(self) -> None:
        for back in range(4):
            week = Week.of(self.state.today).plus(-back)
            path = f"/v1/reports/missing?week={week}&limit=200"
            rows = await self.company.pages("ada", "entries", path)
            found = {(row["person"], row["total_minutes"]) for row in rows}
            expected = set()
            for name, person in self.state.people.items():
                if self.state.sheets.get((name, week), Sheet()).state != "open":
                    continue
                minutes = sum(entry.minutes for entry in self.by_week[name, week])
                at_work = (
                    person.active
                    and (person.since is None or person.since <= week.sunday)
                    and (person.until is None or person.until >= week.monday)
                    and not self.state.is_off(name, week)
                )
                if minutes or at_work:
                    expected.add((sub(name), minutes))
            self._equal(f"missing in {week}", found, expected)

    async def _check_overdue(self, actor: str) -> None:
        path = "/v1/approvals/overdue?limit=200"
        rows = await self.company.pages(actor, "approvals", path)
        found = {(row["person"], row["week"]) for row in rows}
        expected = {
            (sub(name), str(week))
            for name, week in self.overdue
            if self.driver.rules.authority(actor, name)
        }
        self._equal(f"overdue for {actor}", found, expected)

    def _overdue(self) -> set[tuple[str, Week]]:
        last = Week.of(self.state.earliest_today).plus(-1)
        submitted = [(each.person, each.week) for each in self.state.approvals.values()]
        with_hours = {
            (each.person, each.week) for each in self.state.approvals.values() if each.total
        }
        overdue = set()
        for name, person in self.state.people.items():
            # The Monday of the first week that was submitted, or of the first in the directory.
            first = min([person.known, *(w.monday for owner, w in submitted if owner == name)])
            overdue |= {
                (name, week)
                for week in self._weeks_until(name, Week(first), last)
                if self._is_overdue(name, week, first, knows_hours=(name, week) in with_hours)
            }
        return overdue

    def _weeks_until(self, name: str, first: Week, last: Week) -> set[Week]:
        """The weeks that are known of the person."""
        week = first
        weeks = {
            known
            for owner, known in self.by_week.keys() | self.state.sheets.keys()
            if owner == name and known <= last
        }
        while week <= last:
            weeks.add(week)
            week = week.plus(1)
        return weeks

    def _is_overdue(self, name: str, week: Week, first: date, *, knows_hours: bool) -> bool:
        person = self.state.people[name]
        if self.state.sheets.get((name, week), Sheet()).state != "open":
            return False
        if not person.active:
            return bool(self.by_week[name, week])
        if person.since is not None:
            first = max(first, Week.of(person.since).monday)
        is_in_time = first <= week.monday and (person.until is None or week.monday <= person.until)
        return is_in_time and (knows_hours or not self.state.is_off(name, week))


def _shown(authority: Authority | None) -> tuple[str | None, str | None]:
    """As the API shows it: `why` and `acting_for`."""
    if authority is None:
        return None, None
    return authority.why, sub(authority.acting_for) if authority.acting_for else None
