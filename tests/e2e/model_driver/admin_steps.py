"""Periods, projects, contracts and people."""

from __future__ import annotations

from datetime import date
from typing import Any

from libs.service.admission import ADMISSION
from tests.e2e.half_year.company import sub
from tests.e2e.model_driver.delegate_rules import MANAGERS
from tests.e2e.model_driver.scene import CODES, CUSTOMERS, WORKERS, Scene
from tests.e2e.model_driver.state import DAY, Contract

HOURS = (
    *((480, 480, 480, 480, 480, 0, 0), (240, 240, 240, 240, 240, 0, 0)),
    *((480, 0, 0, 0, 0, 0, 0), (0, 0, 0, 0, 0, 0, 0), (360, 0, 360, 0, 360, 120, 0)),
)
CALENDARS = (None, "DE-BY", "US-CA", "GB-ENG")


class AdminSteps(Scene):
    """Steps of the administrator."""

    async def close(self) -> None:
        day = self.state.today - DAY * self.random.choice([-1, 0, 1, 7, 14, 21, 28, 35, 42, 49])
        reason = "Payroll" if self.chance(0.6) else None
        expected = self.rules.close(day, reason)
        body = {"closed_through": str(day), **({"reason": reason} if reason else {})}
        await self.call(expected, "ada", "PUT", "entries", "/v1/period", body)
        await self.company.catch_up()

    async def patch_project(self) -> None:
        code = self.choice(CODES)
        changes = self.random.choice(
            [
                {"name": f"{code} {self.random.randint(1, 3)}"},
                {"customer": self.choice(CUSTOMERS)},
                {"billable": self.chance(0.6)},
                {"billable": self.chance(0.6), "customer": self.choice(CUSTOMERS)},
                {"active": self.chance(0.7)},
                {"note_required": self.chance(0.3)},
            ]
        )
        since = self.day() if self.chance(0.7) else None
        expected = self.rules.patch_project(code, changes, since)
        body = {**changes, **({"from": str(since)} if since else {})}
        await self.call(expected, "ada", "PATCH", "entries", f"/v1/projects/{code}", body)

    async def contract(self) -> None:
        person = self.worker()
        known = sorted(self.state.people[person].contracts)
        if known and self.chance(0.35):
            since = self.choice(known)
            expected, body = self.rules.delete_contract(person, since), None
        else:
            since = self.day() + DAY * self.random.randint(-60, 60)
            contract = Contract(self.choice(HOURS), self.choice(CALENDARS))
            expected = self.rules.put_contract(person, since, contract)
            body = {"minutes": list(contract.minutes), "calendar": contract.calendar}
        path = f"/v1/people/{sub(person)}/contracts/{since}"
        await self.call(expected, "ada", "PUT" if body else "DELETE", "profile", path, body)
        await self.company.catch_up()

    async def person(self) -> None:
        """Another manager, other uploads, another own target, other days at work."""
        person, day = self.worker(), self.day()
        changes: dict[str, Any] = self.random.choice(
            [
                {"manager": self.choice([*MANAGERS, None])},
                {"uploads": self.chance(0.7)},
                {"target": self.choice([None, 0, 1203, 2400])},
                {"since": self.choice([None, None, day])},
                {"until": self.choice([None, None, day])},
            ]
        )
        await self._patch_person(person, changes)

    async def activate(self) -> None:
        """Leave or come back; managers too, now and then."""
        person = self.choice([*WORKERS, *WORKERS, *MANAGERS])
        away = [name for name, each in self.state.people.items() if not each.active]
        if away and self.chance(0.6):
            person = self.choice(away)
        if self.state.people[person].active:
            await self._patch_person(person, {"active": False, "until": self.day()})
        else:
            await self._patch_person(person, {"active": True, "until": None})
        for app in self.company.apps.values():
            await app[ADMISSION].refresh()

    async def _patch_person(self, person: str, changes: dict[str, Any]) -> None:
        expected = self.rules.patch_person(person, changes)
        body: dict[str, Any] = {}
        for name, value in changes.items():
            match name:
                case "uploads":
                    body["uploaders"] = ["agency"] if value else []
                case "target":
                    body["target_minutes"] = value
                case "manager":
                    body["manager"] = sub(value) if value else None
                case "active":
                    body["active"] = value
                case _:
                    body[name] = str(value) if value else None
        await self.call(expected, "ada", "PATCH", "profile", f"/v1/people/{sub(person)}", body)
        await self.company.catch_up()

    async def next_day(self) -> None:
        """Twice a year the job of entries runs, too: more weeks come into sight."""
        before = self.state.today
        self.state.today += DAY * self.random.choice([1, 1, 3])
        self.company.go_to(self.state.today)
        if _half_year(before) != _half_year(self.state.today):
            await self.publish_new_weeks()


def _half_year(day: date) -> tuple[int, bool]:
    return day.year, day.month > 6
