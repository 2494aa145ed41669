"""Half a year of ten people: payroll, billing, weeks, approvals and the change log agree."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from typing import Any

import pytest

from libs.rules.calendar import Week
from tests.e2e.half_year.company import MANAGERS, Company, eventually, sub
from tests.e2e.half_year.ledger import MOVED, Hours, Ledger
from tests.e2e.half_year.plan import (
    AWAY,
    BACK,
    CONTRACTS,
    FEBRUARY,
    FIRST,
    JANUARY,
    LATE,
    LEFT,
    PROJECTS,
    SHOP_ENDS,
    TEAMS,
    WEEKS,
    WORKERS,
    is_gone,
)
from tests.e2e.half_year.results import Results
from tests.support.client import Reply


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_after_half_a_year_everything_agrees_to_the_minute(company: Company) -> None:
    story = HalfYear(company)
    await story.begin()
    for week in WEEKS:
        await story.live(week)
    await story.check()


class HalfYear:
    """The story, week by week, and the expected results."""

    def __init__(self, company: Company) -> None:
        self.company = company
        self.ledger = Ledger()
        self.closed: dict[str, bytes] = {}

    async def begin(self) -> None:
        company = self.company
        company.go_to(FIRST.monday)
        for person in (*MANAGERS, *WORKERS):
            manager = next((boss for boss, team in TEAMS.items() if person in team), None)
            body = {
                "name": person.title(),
                "email": f"{person}@exampleco.com",
                "manager": sub(manager) if manager else None,
                "target_minutes": None,
            }
            await company.do("ada", "PUT", "profile", f"/v1/people/{sub(person)}", body)
        for boss in MANAGERS:  # the directory learns that they may approve
            await company.do(boss, "GET", "profile", "/v1/profile")
        for person in WORKERS:
            for since, minutes in CONTRACTS.get(person, [])[:1]:
                await self._contract(person, since, minutes)
        for code, project in PROJECTS.items():
            await company.do("ada", "POST", "entries", f"/v1/projects/{code}", project)
        await company.catch_up()

    async def live(self, week: Week) -> None:
        """A week of work, and on the Monday after it submissions and decisions."""
        company = self.company
        await self._administer(week)
        company.go_to(week.sunday)
        present = [person for person in WORKERS if not is_gone(person, week)]
        for person in present:
            await self._work(person, week)
        company.go_to(week.sunday + timedelta(days=1))
        for person in present:
            if (person, week) not in (("lea", LEFT), ("emil", LATE)):
                await self._submit(person, week)
        await company.catch_up()
        await self._decide(week)
        await company.catch_up()
        await self._correct(week)

    async def _administer(self, week: Week) -> None:
        """Act as an administrator on the Monday of some weeks."""
        self.company.go_to(week.monday)
        for person, contracts in CONTRACTS.items():
            for since, minutes in contracts[1:]:
                if Week.of(since) == week:
                    await self._contract(person, since, minutes)
        mondays = {
            date(2026, 2, 9): self._close_january,
            date(2026, 3, 9): self._close_february,
            date(2026, 3, 23): self._rename_and_sell_web,
            SHOP_ENDS: self._end_shop,
            LEFT.plus(1).monday: self._let_lea_go,
            BACK.monday: self._hire_lea_again,
            AWAY[0].monday: self._send_maya_on_holiday,
        }
        if happens := mondays.get(week.monday):
            await happens()
        await self.company.catch_up()

    async def _close_january(self) -> None:
        """Emil forgot a week of January: it is handed in late."""
        await self._close("2026-01-31")
        await self._submit("emil", LATE)
        await self.company.catch_up()
        await self._bulk("maya", await self._waiting("maya"))
        await self.company.catch_up()
        self.ledger.late.add(("emil", str(LATE)))
        self.closed[JANUARY] = await self._report(JANUARY)

    async def _close_february(self) -> None:
        """From now on it can neither be reopened nor rewritten."""
        await self._close("2026-02-28")
        self.closed[FEBRUARY] = await self._report(FEBRUARY)
        body = {"person": sub("carl"), "reason": "Wrong customer."}
        path = "/v1/timesheets/2026-W07/reopen"
        refused = await self.company.call("ada", "POST", "entries", path, body)
        assert (refused.status, refused.json["lock_reason"]) == (409, "closed")
        refused = await self._change_project("WEB", customer="Nobody", since="2026-02-10")
        assert refused.codes == {("/from", "closed")}

    async def _rename_and_sell_web(self) -> None:
        """The name three weeks back, which is open still; the customer from April on."""
        renamed = await self._change_project("WEB", name="Web 2", since="2026-03-01")
        sold = await self._change_project("WEB", customer="Huge Company", since=str(MOVED))
        assert (renamed.status, sold.status) == (200, 200)

    async def _end_shop(self) -> None:
        assert (await self._change_project("SHOP", active=False)).status == 200

    async def _hire_lea_again(self) -> None:
        changes = {"active": True, "since": str(BACK.monday), "until": None}
        await self.company.do("ada", "PATCH", "profile", f"/v1/people/{sub('lea')}", changes)
        await self.company.catch_up()
        await eventually(self._lea_is_let_in, 5)

    async def _send_maya_on_holiday(self) -> None:
        body = {
            "person": sub("marco"),
            "from": str(AWAY[0].monday),
            "to": str(AWAY[1].sunday + timedelta(days=1)),
        }
        await self.company.do("maya", "PUT", "profile", "/v1/profile/delegate", body)

    async def _change_project(self, code: str, since: str | None = None, **changes: Any) -> Reply:
        body = {**changes, **({"from": since} if since else {})}
        return await self.company.call("ada", "PATCH", "entries", f"/v1/projects/{code}", body)

    async def _work(self, person: str, week: Week) -> None:
        """An entry a day, on a project that depends on the day."""
        for offset, day in enumerate(week.days[:5]):
            number = (WORKERS.index(person) + offset + WEEKS.index(week)) % 3
            project = ("WEB", "SHOP", "INTERNAL")[number]
            if project == "SHOP" and week.monday >= SHOP_ENDS:
                project = "INTERNAL"
            minutes = 240 + 15 * ((number + offset) % 4)
            await self._put(str(uuid.uuid4()), Hours(person, day, project, minutes, False))

    async def _put(self, entry_id: str, hours: Hours) -> None:
        """Write the entry; `billable` is left to the project."""
        body = {
            "date": hours.day.isoformat(),
            "project": hours.project,
            "minutes": hours.minutes,
            "billable": None,
        }
        written = await self.company.do(
            hours.person, "PUT", "entries", f"/v1/entries/{entry_id}", body
        )
        hours.billable = hours.project != "INTERNAL"
        assert written["billable"] is hours.billable
        self.ledger.entries[entry_id] = hours

    async def _submit(self, person: str, week: Week, actor: str | None = None) -> None:
        body = {"person": sub(person)} if actor else None
        path = f"/v1/timesheets/{week}/submit"
        await self.company.do(actor or person, "POST", "entries", path, body)

    async def _decide(self, week: Week) -> None:
        """Managers approve what waits for them, Marco for Maya while she is away. Every fifth
        week one is rejected, mended and approved."""
        rejected = None
        for boss in MANAGERS:
            if week in AWAY and boss == "maya":
                continue
            waiting = await self._waiting(boss)
            if boss == "maya" and WEEKS.index(week) % 5 == 3:
                rejected = next(each for each in waiting if each["person"] == sub("erin"))
                waiting.remove(rejected)
            await self._bulk(boss, waiting)
        if rejected is not None:
            await self._mend(rejected, week)

    async def _mend(self, rejected: dict[str, Any], week: Week) -> None:
        """Monday was for another project: its billable default comes with it."""
        company = self.company
        path = f"/v1/approvals/{rejected['id']}/decision"
        decision = {"decision": "reject", "reason": "Monday was for WEB."}
        await company.do("maya", "PUT", "approvals", path, decision)
        await company.catch_up()
        sheet = await company.do("erin", "GET", "entries", f"/v1/timesheets/{week}")
        assert (sheet["state"], sheet["reason"]) == ("open", "Monday was for WEB.")
        entry_id = next(
            key
            for key, hours in self.ledger.entries.items()
            if (hours.person, hours.day) == ("erin", week.monday)
        )
        moved = await company.do(
            "erin", "PATCH", "entries", f"/v1/entries/{entry_id}", {"project": "WEB"}
        )
        assert moved["billable"] is True
        self.ledger.entries[entry_id].project = "WEB"
        self.ledger.entries[entry_id].billable = True
        await self._submit("erin", week)
        await company.catch_up()
        await self._bulk("maya", await self._waiting("maya"))

    async def _correct(self, week: Week) -> None:
        """Now and then a manager reopens an approved week, and the person takes an hour back."""
        if week.monday not in (date(2026, 3, 30), date(2026, 5, 25)):
            return
        company = self.company
        body = {"person": sub("cora"), "reason": "An hour too much on Tuesday."}
        path = f"/v1/timesheets/{week}/reopen"
        assert (await company.call("maya", "POST", "entries", path, body)).status == 404
        await company.do("marco", "POST", "entries", path, body)
        await company.catch_up()
        for key, hours in self.ledger.entries.items():
            if (hours.person, hours.day) == ("cora", week.days[1]):
                hours.minutes -= 60
                await self._put(key, hours)
        await self._submit("cora", week)
        await company.catch_up()
        await self._bulk("marco", await self._waiting("marco"))
        await company.catch_up()

    async def _let_lea_go(self) -> None:
        """Lea has left without submitting her last week. Maya hands it in."""
        company = self.company
        changes = {"active": False, "until": str(LEFT.monday + timedelta(days=4))}
        await company.do("ada", "PATCH", "profile", f"/v1/people/{sub('lea')}", changes)
        await company.catch_up()
        await eventually(self._lea_is_refused, 5)
        path = f"/v1/reports/missing?week={LEFT}"
        missing = await company.pages("maya", "entries", path)
        assert [item["person"] for item in missing] == [sub("lea")]
        await self._submit("lea", LEFT, actor="maya")
        await company.catch_up()
        await self._bulk("maya", await self._waiting("maya"))
        await company.catch_up()
        assert await company.pages("maya", "entries", path) == []

    async def _lea_is_refused(self) -> bool:
        calls = [
            await self.company.call("lea", "GET", "entries", "/v1/entries"),
            await self.company.call("lea", "GET", "profile", "/v1/profile"),
        ]
        return all(
            reply.status == 403 and reply.json["type"].endswith("/inactive") for reply in calls
        )

    async def _lea_is_let_in(self) -> bool:
        return (await self.company.call("lea", "GET", "entries", "/v1/entries")).status == 200

    async def _waiting(self, boss: str) -> list[dict[str, Any]]:
        return await self.company.pages(boss, "approvals", "/v1/approvals?state=pending&limit=200")

    async def _bulk(self, boss: str, waiting: list[dict[str, Any]]) -> None:
        if not waiting:
            return
        body = {"ids": [each["id"] for each in waiting], "decision": "approve"}
        await self.company.do(boss, "POST", "approvals", "/v1/approvals/decisions", body)

    async def _contract(self, person: str, since: date, minutes: tuple[int, ...]) -> None:
        path = f"/v1/people/{sub(person)}/contracts/{since}"
        await self.company.do("ada", "PUT", "profile", path, {"minutes": list(minutes)})

    async def _close(self, day: str) -> None:
        await self.company.do("ada", "PUT", "entries", "/v1/period", {"closed_through": day})
        await self.company.catch_up()

    async def _report(self, path: str) -> bytes:
        reply = await self.company.call("ada", "GET", "entries", path)
        assert reply.status == 200
        assert reply.body.count(b"\n") > 100
        return b"\n".join(sorted(reply.body.splitlines()))

    async def check(self) -> None:
        await Results(self.company, self.ledger).check()
        for path, report in self.closed.items():
            assert await self._report(path) == report, path
