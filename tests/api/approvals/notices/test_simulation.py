"""A simulated period in which people submit or do not, weeks are approved, rejected and reopened,
runs of the job are killed and the mail server is away."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from email.message import EmailMessage
from zoneinfo import ZoneInfo

import pytest

from libs.rules.calendar import Week
from services.approvals.notices.model import Kind, due_times
from tests.api.approvals.conftest import sub
from tests.api.approvals.notices.conftest import Notices, Staff
from tests.api.approvals.notices.test_due import ZONES
from tests.support.mail import ACCEPTED, accept

FIRST = Week.parse("2026-W40")
"""The first week in which people are known, so nothing before it is due."""
DRAIN = timedelta(hours=14)
"""Longer than the longest pause between attempts, and than the zones lie apart."""
QUARTER, HOUR = timedelta(minutes=15), timedelta(hours=1)
NOON = time(12, tzinfo=UTC)
TUESDAY, THURSDAY = 1, 3


@dataclass(frozen=True)
class Person:
    """One of four submits each week on Tuesday, and half of these are not approved on Thursday.
    One of four is off every second week."""

    number: int

    @property
    def key(self) -> str:
        return f"p{self.number}"

    @property
    def manager(self) -> str:
        return f"m{self.number // 4 % 4}"

    @property
    def zone(self) -> str:
        return ZONES[(self.number // 16 if self.submits else self.number) % 4]

    @property
    def submits(self) -> bool:
        return self.number % 4 == 0

    def is_off(self, week: Week) -> bool:
        return self.number % 4 == 1 and number_of(week) % 2 == 0

    def decision(self, week: Week) -> str:
        """The last thing that happens to the submitted week."""
        if self.number % 8 == 0:
            return "approved"
        return "rejected" if number_of(week) % 2 else "reopened"

    def notices(self, week: Week) -> Iterator[str]:
        """The subjects about a week."""
        iso = number_of(week)
        if self.submits and self.decision(week) != "approved":
            yield f"Your timesheet for week {iso} was {self.decision(week)}"
        elif self.submits or self.is_off(week):
            return
        yield f"Please submit your timesheet for week {iso}"
        yield f"Your timesheet for week {iso} is overdue"


def number_of(week: Week) -> int:
    return week.monday.isocalendar().week


def waiting_mornings(zone: str, weeks: list[Week]) -> int:
    """The mornings between submissions and decisions."""
    return sum(
        datetime.combine(week.days[TUESDAY], NOON)
        < datetime.combine(day, time(8), ZoneInfo(zone))
        < datetime.combine(week.days[THURSDAY], NOON)
        for week in weeks
        for day in week.days
    )


@dataclass
class Events:
    """Submissions and decisions at their time."""

    staff: Staff
    people: list[Person]
    weeks: list[Week]
    submissions: dict[Person, str] = field(default_factory=dict)

    async def at(self, now: datetime) -> None:
        week = Week.of(now.date())
        if week not in self.weeks or now.timetz() != NOON:
            return
        for person in self.people:
            if person.submits and now.weekday() == TUESDAY:
                submission = await self.staff.neighbours.submitted(person.key, week=str(week))
                self.submissions[person] = submission
            if person.submits and now.weekday() == THURSDAY:
                await self._decide(person, week)

    async def _decide(self, person: Person, week: Week) -> None:
        about = {"person": sub(person.key), "week": str(week)}
        actor, submission = sub(person.manager), self.submissions[person]
        decision, tell = person.decision(week), self.staff.neighbours.entries
        if decision == "rejected":
            await tell(
                "timesheet.rejected", submission, **about, decided_by=actor, reason="Too long"
            )
            return
        await tell("timesheet.approved", submission, **about, decided_by=actor)
        if decision == "reopened":
            await tell("timesheet.reopened", submission, **about, reopened_by=actor, reason="Why")


@dataclass
class Faults:
    """The steps whose runs are killed, and those in which the mail server is away.

    `in_flight` are the Message-IDs that a killed run may have had no time to record.
    """

    dice: random.Random
    killed: set[int]
    away: set[int]
    in_flight: set[str] = field(default_factory=set)
    after_an_answer: int = 0

    @classmethod
    def throw(
        cls, begin: datetime, steps: int, step: timedelta, kills: int, outages: int
    ) -> Faults:
        """Kill runs that have messages to send, and the next run after each."""
        dice = random.Random(17)
        busy = [number for number in range(steps) if is_busy(begin + number * step, step)]
        killed = {later for number in dice.sample(busy, kills) for later in (number, number + 1)}
        starts = dice.sample(range(steps), outages)
        away = {
            missed
            for start in starts
            for missed in range(start, start + int(dice.randrange(1, 20) * HOUR / step))
        }
        return cls(dice, killed, {each for each in away if each < steps})

    async def kill(self, notices: Notices) -> None:
        """Run, and end the run after some time or while the server answers one of its messages."""
        mail, last = notices.mail, self.dice.choice([0, 0, 1, 2, 5, 20])
        known = len(mail.inbox)
        run = asyncio.ensure_future(notices.run())

        async def answer(_message: EmailMessage) -> str:
            if len(mail.inbox) == known + last and run.cancel():
                self.after_an_answer += 1
            return ACCEPTED

        mail.answer = answer if self.dice.random() < 0.5 else accept
        await asyncio.wait([run], timeout=self.dice.uniform(0.001, 0.3))
        mail.answer = accept
        if run.cancel() or run.cancelled():
            await asyncio.wait([run])
            # The server may still accept a message that it has received by now.
            for _ in range(20):
                await asyncio.sleep(0)
            self.in_flight.update(message["Message-ID"] for message in mail.inbox[known:][-1:])


def is_busy(now: datetime, step: timedelta) -> bool:
    """Whether a week has become due or overdue since the step before, for many people at once."""
    times = (due for zone in ZONES for due in due_times(zone, now))
    return any(now - step < due.at <= now for due in times if due.kind is not Kind.WEEKS_WAITING)


@pytest.mark.parametrize(
    ("people", "weeks", "step", "kills", "outages"),
    [
        pytest.param(16, 2, HOUR, 5, 2, marks=pytest.mark.slow, id="two weeks"),
        pytest.param(
            *(200, 52, QUARTER, 20, 5),
            marks=[pytest.mark.endurance, pytest.mark.timeout(7200)],
            id="year",
        ),
    ],
)
async def test_each_due_notice_arrives_once(
    notices: Notices,
    staff: Staff,
    people: int,
    weeks: int,
    step: timedelta,
    kills: int,
    outages: int,
) -> None:
    events = Events(staff, list(map(Person, range(people))), list(map(FIRST.plus, range(weeks))))
    await hire(staff, events)
    begin = datetime.combine(FIRST.days[TUESDAY], time(0), UTC)
    steps = int(timedelta(weeks=weeks) / step)
    faults = Faults.throw(begin, steps, step, kills, outages)
    is_away = False
    for number in range(steps + int(DRAIN / step)):
        notices.clock.time = now = begin + number * step
        await events.at(now)
        notices.clock.time = now
        if (number in faults.away) != is_away:
            is_away = not is_away
            await (notices.mail.stop() if is_away else notices.mail.start())
        if number in faults.killed:
            await faults.kill(notices)
        else:
            await notices.run()
    check(notices, events, faults)


async def hire(staff: Staff, events: Events) -> None:
    """Four managers, one in each time zone, who have no timesheets of their own, and the people."""
    for number, zone in enumerate(ZONES):
        await staff.add(f"m{number}", time_zone=zone, target_minutes=0)
    for person in events.people:
        await staff.add(person.key, person.manager, time_zone=person.zone)
        off = [str(week) for week in events.weeks if person.is_off(week)]
        await staff.off(person.key, *off)


def check(notices: Notices, events: Events, faults: Faults) -> None:
    """Each notice that was due arrived, once by its Message-ID, and no other. Copies are only of
    messages whose run was killed between the answer of the server and its own commit."""
    copies = Counter(message["Message-ID"] for message in notices.mail.inbox)
    once = {message["Message-ID"]: message for message in notices.mail.inbox}.values()
    received = Counter(
        (message["To"].addresses[0].username, str(message["Subject"])) for message in once
    )
    expected = Counter(
        (person.key, subject)
        for person in events.people
        for week in events.weeks
        for subject in person.notices(week)
    )
    for number, zone in enumerate(ZONES):
        waiting = sum(person.submits and person.manager == f"m{number}" for person in events.people)
        subject = f"{waiting} timesheets wait for your approval"
        if waiting == 1:
            subject = "1 timesheet waits for your approval"
        expected[f"m{number}", subject] = waiting_mornings(zone, events.weeks)
    assert received == expected
    assert {each for each, count in copies.items() if count > 1} <= faults.in_flight
    assert 0 < faults.after_an_answer <= copies.total() - len(copies) <= len(faults.killed)
