"""Payroll, billing, weeks, approvals and change logs of the half year, against the ledger."""

from __future__ import annotations

from typing import Any

import asyncpg

from libs.changes.verification import check_changes
from libs.rules.calendar import Week
from tests.e2e.half_year.company import Company, sub
from tests.e2e.half_year.ledger import Ledger
from tests.e2e.half_year.plan import (
    AWAY,
    WEEKS,
    WORKERS,
    is_gone,
    target_of,
)


class Results:
    """The reports of the services, compared with the ledger."""

    def __init__(self, company: Company, ledger: Ledger) -> None:
        self.company = company
        self.ledger = ledger

    async def check(self) -> None:
        await self._check_payroll()
        await self._check_billing()
        await self._check_weeks()
        await self._check_approvals()
        await self._check_change_logs()

    async def _check_payroll(self) -> None:
        path = "/v1/reports/weeks?from=2026-01-01&to=2026-06-30&state=approved&limit=200"
        rows = await self.company.pages("ada", "entries", path)
        paid = {
            (row["person"], row["week"]): (row["total_minutes"], row["billable_minutes"])
            for row in rows
        }
        expected = self.ledger.of_weeks()
        assert paid == {(sub(person), week): total for (person, week), total in expected.items()}
        late = {(row["person"], row["week"]) for row in rows if row["late"]}
        assert late == {(sub(person), week) for person, week in self.ledger.late}

    async def _check_billing(self) -> None:
        path = (
            "/v1/reports/totals?from=2026-01-01&to=2026-06-30&state=approved"
            "&group_by=month,customer&limit=200"
        )
        rows = await self.company.pages("ada", "entries", path)
        billed = {
            (row["month"], row["customer"]): (row["minutes"], row["billable_minutes"])
            for row in rows
        }
        assert billed == self.ledger.of_customers()

    async def _check_weeks(self) -> None:
        """Each week's page: state, total and the target that the contract of the time gives."""
        totals = self.ledger.of_weeks()
        for person in WORKERS:
            path = f"/v1/timesheets?person={sub(person)}&from={WEEKS[0]}&to={WEEKS[-1]}&limit=200"
            pages = await self.company.pages("ada", "entries", path)
            for page in pages:
                week = Week.parse(page["week"])
                if is_gone(person, week):
                    assert (page["state"], page["total_minutes"]) == ("open", 0)
                    assert page["target_minutes"] is None
                    continue
                assert page["target_minutes"] == target_of(person, week), (person, week)
                shown = (page["state"], page["total_minutes"])
                assert shown == ("approved", totals[person, page["week"]][0])

    async def _check_approvals(self) -> None:
        """The newest approval of each week has its total and its target."""
        approvals = await self.company.pages("ada", "approvals", "/v1/approvals?limit=200")
        newest: dict[tuple[str, str], dict[str, Any]] = {}
        for approval in sorted(approvals, key=lambda each: each["submitted_at"]):
            newest[approval["person"], approval["week"]] = approval
        totals = self.ledger.of_weeks()
        assert newest.keys() == {(sub(person), week) for person, week in totals}
        for (person, week), approval in newest.items():
            name = person.removeprefix("auth0|")
            assert approval["state"] == "approved"
            assert approval["total_minutes"] == totals[name, week][0]
            assert approval["target_minutes"] == target_of(name, Week.parse(week))
            history = await self.company.do(
                "ada", "GET", "approvals", f"/v1/approvals/{approval['id']}/history"
            )
            assert history["items"][-1]["total_minutes"] == totals[name, week][0]
        for week in map(str, AWAY):
            assert newest[sub("erin"), week]["decided_by"] == sub("marco")

    async def _check_change_logs(self) -> None:
        for service, kinds in (
            ("entries", {"project", "period", "timesheet"}),
            ("profile", {"person", "contract"}),
        ):
            rows = await self.company.pages("audrey", service, f"/v1/changes/{service}?limit=200")
            assert kinds <= {row["kind"] for row in rows}, service
            connection = await asyncpg.connect(self.company.database(service))
            finding = await check_changes(connection)
            await connection.close()
            assert finding.broken is None
            assert str(len(rows)) in finding.checked
        rows = await self.company.pages("audrey", "entries", "/v1/changes/entries?limit=200")
        done = [
            (row["subject"], row["action"], row["actor"])
            for row in rows
            if row["kind"] == "timesheet"
        ]
        assert sorted(done) == [
            (sub("cora"), "reopened", sub("marco")),
            (sub("cora"), "reopened", sub("marco")),
            (sub("lea"), "submitted", sub("maya")),
        ]
