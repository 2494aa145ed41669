"""Weeks on their way to approval, and the days that people are off."""

from __future__ import annotations

import uuid

from tests.e2e.half_year.company import sub
from tests.e2e.model_driver.delegate_rules import MANAGERS
from tests.e2e.model_driver.scene import WORKERS, Scene
from tests.e2e.model_driver.state import DAY, Absence, refused


class WeekSteps(Scene):
    """Steps of people, their managers and the administrator with weeks."""

    async def submit(self) -> None:
        person = self.worker()
        actor = person if self.chance(0.75) else self.choice([*MANAGERS, "ada"])
        week = self.week()
        submission = f"step {self.number}"
        expected = self.rules.submit(actor, person, week, submission)
        body = {"person": sub(person)} if actor != person else None
        path = f"/v1/timesheets/{week}/submit"
        reply = await self.call(expected, actor, "POST", "entries", path, body)
        if expected.status == 200:
            given = reply.json["submission_id"]
            self.state.approvals[given] = self.state.approvals.pop(submission)
            self.state.open_sheet(person, week).submission = given
            await self.company.catch_up()

    async def withdraw(self) -> None:
        person, week = self.person_and_week("submitted")
        expected = self.rules.withdraw(person, week)
        path = f"/v1/timesheets/{week}/withdraw"
        await self.call(expected, person, "POST", "entries", path)
        await self.company.catch_up()

    async def reopen(self) -> None:
        person, week = self.person_and_week("approved")
        actor = self.choice([*MANAGERS, "ada"])
        expected = self.rules.reopen(actor, person, week, f"step {self.number}")
        body = {"person": sub(person), "reason": f"step {self.number}"}
        path = f"/v1/timesheets/{week}/reopen"
        await self.call(expected, actor, "POST", "entries", path, body)
        await self.company.catch_up()

    async def decide(self) -> None:
        pending = [key for key, each in self.state.approvals.items() if each.state == "pending"]
        known = pending if pending and self.chance(0.85) else list(self.state.approvals)[-40:]
        if not known:
            return
        submission = self.choice(known)
        person = actor = self.state.approvals[submission].person
        if self.chance(0.95):
            own = self.state.people[person].manager
            delegates = [name for name in MANAGERS if self.rules.is_delegate(name, person)]
            others = [*MANAGERS, "ada", *delegates * 6]
            actor = own if own and self.chance(0.5) else self.choice(others)
        decision = "reject" if self.chance(0.3) else "approve"
        reason = self.choice(["too long", "too short"]) if decision == "reject" else None
        expected = self.rules.decide(actor, submission, decision, reason)
        if actor in WORKERS and self.state.people[actor].active:
            expected = refused(403, "forbidden")
        body = {"decision": decision, **({"reason": reason} if reason else {})}
        path = f"/v1/approvals/{submission}/decision"
        await self.call(expected, actor, "PUT", "approvals", path, body)
        await self.company.catch_up()

    async def put_absence(self) -> None:
        person = self.worker()
        actor = person if self.chance(0.8) else self.choice([*MANAGERS, "ada"])
        known = list(self.state.people[person].absences)[-20:]
        absence_id = self.choice(known) if known and self.chance(0.4) else str(uuid.uuid4())
        first = self.day()
        absence = Absence(
            first,
            first + DAY * self.random.choice([-1, 0, 0, 0, 1, 4, 6, 11]),
            self.choice(["vacation", "sick"]),
            self.choice([1.0, 1.0, 0.5]),
        )
        if absence_id in known and self.chance(0.5):
            before = self.state.people[person].absences[absence_id]
            absence = Absence(before.first, absence.last, before.kind, before.portion)
        expected = self.rules.put_absence(actor, person, absence_id, absence)
        body = {
            "from": str(absence.first),
            "to": str(absence.last),
            "kind": absence.kind,
            "portion": absence.portion,
        }
        path = f"/v1/absences/{absence_id}{_for(actor, person)}"
        await self.call(expected, actor, "PUT", "entries", path, body)
        await self.company.catch_up()

    async def delete_absence(self) -> None:
        person = self.worker()
        actor = person if self.chance(0.8) else self.choice([*MANAGERS, "ada"])
        known = list(self.state.people[person].absences)[-20:]
        absence_id = self.choice(known) if known else str(uuid.uuid4())
        expected = self.rules.delete_absence(actor, person, absence_id)
        path = f"/v1/absences/{absence_id}{_for(actor, person)}"
        await self.call(expected, actor, "DELETE", "entries", path)
        await self.company.catch_up()

    async def company_day(self) -> None:
        day, is_off = self.day(), self.chance(0.6)
        if not is_off and self.state.company_days and self.chance(0.8):
            day = self.choice(sorted(self.state.company_days))
        expected = self.rules.company_day(day, is_off=is_off)
        path, body = f"/v1/holidays/{day}", {"name": "Company day"} if is_off else None
        method = "PUT" if is_off else "DELETE"
        await self.call(expected, "ada", method, "entries", path, body)
        await self.company.catch_up()


def _for(actor: str, person: str) -> str:
    return f"?person={sub(person)}" if actor != person else ""
