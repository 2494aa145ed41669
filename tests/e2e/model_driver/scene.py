"""A company, the model of it, and choices by chance."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from libs.postgres.pool import DATABASE
from libs.rules.calendar import Week
from services.entries.commands.weeks_off import publish_new_weeks
from tests.e2e.half_year.company import Company, sub
from tests.e2e.model_driver.delegate_rules import MANAGERS
from tests.e2e.model_driver.rules import Rules
from tests.e2e.model_driver.state import DAY, Draft, Outcome, Person, Project, State, refused
from tests.support.client import Reply

FIRST_DAY = date(2026, 3, 2)
WORKERS = ("erin", "emil", "carl", "cora", "lea")
CODES = ("WEB", "SHOP", "INTERNAL", "LEGAL")
CUSTOMERS = ("Big Company", "Small Company", "ExampleCo")
NOWHERE = "NOWHERE"


class Disagreement(AssertionError):
    """A response is not what the rules say."""


@dataclass
class Scene:
    """The services and the model; `number` counts the steps, `outcomes` requests by status."""

    company: Company
    random: random.Random
    state: State = field(default_factory=lambda: State(FIRST_DAY))
    number: int = 0
    outcomes: dict[tuple[str, int], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rules = Rules(self.state)

    async def begin(self) -> None:
        """Everybody and every project, as they are on the first day."""
        self.company.go_to(FIRST_DAY)
        for number, name in enumerate((*MANAGERS, *WORKERS)):
            manager = MANAGERS[number % 2] if name in WORKERS else None
            uploads = name in ("erin", "carl", "lea")
            person = Person(manager, Week.of(FIRST_DAY).monday, uploads=uploads)
            self.state.people[name] = person
            await self.company.do(
                "ada", "PUT", "profile", f"/v1/people/{sub(name)}", _person(name, person)
            )
        for name in (*MANAGERS, *WORKERS):
            # Profile learns from their tokens whether they may approve.
            await self.company.do(name, "GET", "profile", "/v1/profile")
        for number, code in enumerate(CODES):
            values = {
                "name": code.title(),
                "customer": CUSTOMERS[number % 3],
                "billable": code != "INTERNAL",
            }
            dated: dict[str, dict[date, object]] = {
                name: {date(1970, 1, 1): value} for name, value in values.items()
            }
            self.state.projects[code] = Project(
                active=True, note_required=code == "LEGAL", dated=dated
            )
            body = {**values, "note_required": code == "LEGAL"}
            await self.company.do("ada", "POST", "entries", f"/v1/projects/{code}", body)
        await self.company.catch_up()

    async def publish_new_weeks(self) -> None:
        """As a replica of entries does it from time to time."""
        await publish_new_weeks(self.company.apps["entries"][DATABASE], self.company.clock.now())
        await self.company.catch_up()

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def choice(self, values: Any) -> Any:
        return self.random.choice(values)

    def worker(self) -> str:
        return self.random.choice(WORKERS)

    def day(self) -> date:
        """Mostly a recent one."""
        away: int = self.random.choice([*range(-40, 36), *range(-14, 8), *range(-14, 8)])
        return self.state.today + DAY * away

    def week(self) -> Week:
        return Week.of(self.state.today).plus(self.random.choice([-6, -5, -4, -3, -2, -1, 0, 1]))

    def draft(self) -> Draft:
        return Draft(
            self.day(),
            self.choice([*CODES, *CODES, *CODES, NOWHERE]),
            self.choice([15, 60, 240, 480, 481, 900]),
            self.choice(["", "", "note", "why"]),
            self.choice([None, None, True, False]),
        )

    def entry_of(self, person: str) -> str:
        """Mostly a recent one; another id if there is none."""
        known = [key for key, entry in self.state.entries.items() if entry.person == person]
        return self.choice(known[-60:]) if known else str(uuid.uuid4())

    def person_and_week(self, state: str) -> tuple[str, Week]:
        known = [key for key, sheet in self.state.sheets.items() if sheet.state == state][-30:]
        if known and self.chance(0.8):
            chosen: tuple[str, Week] = self.choice(known)
            return chosen
        return self.worker(), self.week()

    async def call(
        self, expected: Outcome, person: str, method: str, service: str, path: str, body: Any = None
    ) -> Reply:
        reply = await self.company.call(person, method, service, path, body)
        found = outcome_of(reply)
        self.count(f"{method} {service}", found.status)
        if found != expected:
            request = f"{self.state.today} {person} {method} {path} {body}"
            raise Disagreement(
                f"step {self.number}: {request}\nexpected {expected}, got {found} {reply.body!r}"
            )
        return reply

    def count(self, kind: str, status: int) -> None:
        self.outcomes[kind, status] = self.outcomes.get((kind, status), 0) + 1


def outcome_of(reply: Reply) -> Outcome:
    if reply.status < 400 or reply.status == 404:
        return Outcome(reply.status)
    problem = reply.json
    if reply.status == 422:
        return refused(422, *(error["code"] for error in problem["errors"]))
    if reply.status == 409:
        reason = problem.get("lock_reason") or problem.get("state")
        return refused(409, *([reason] if reason else []))
    return refused(reply.status, problem["type"].rpartition("/")[2])


def _person(name: str, person: Person) -> dict[str, Any]:
    return {
        "name": name.title(),
        "email": f"{name}@exampleco.com",
        "manager": sub(person.manager) if person.manager else None,
        "target_minutes": person.target,
        "uploaders": ["agency"] if person.uploads else [],
    }
