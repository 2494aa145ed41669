"""The hours of the sample company's people, this week and the three before it."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from dev.sample_data import PEOPLE, Person

WEEKS_BACK = 3
QUARTER = 15
NAMESPACE = uuid.UUID("6f1c2f0e-3d53-4a53-9a52-7f4f8a1c9b10")

# The projects of each person, the main one first.
WORK = {
    "ada": (("INT-OPS", "access reviews"), ("INT-OPS", "invoices")),
    "maya": (("BIG-WEB", "steering"), ("INT-OPS", "planning"), ("CITY-APP", "workshop")),
    "marco": (("NORTH-ERP", "project lead"), ("INT-OPS", "hiring")),
    "erin": (("BIG-WEB", "design system"), ("BIG-SHOP", "checkout"), ("INT-LEARN", "Kivy")),
    "emil": (("BIG-SHOP", "search"), ("BIG-WEB", "bugs of the week")),
    "elena": (("CITY-APP", "user research"), ("BIG-WEB", "prototypes")),
    "ethan": (("NORTH-ERP", "data migration"), ("NORTH-SUP", "hotline")),
    "ella": (("NORTH-SUP", "hotline"), ("NORTH-ERP", "training")),
    "carl": (("BIG-WEB", "front end"), ("CITY-DATA", "import jobs")),
    "chloe": (("NORTH-ERP", "interfaces"), ("NORTH-SUP", "night shift")),
    "cem": (("NORTH-ERP", "reports"), ("CITY-DATA", "cleaning up")),
    "clara": (("CITY-DATA", "data model"), ("CITY-APP", "review")),
}
# The share of the first project in the days of a week, in quarters.
SHARES = (3, 2, 3, 1, 2)

# Unusual days: (person, weeks back, weekday) and the minutes of that day.
UNUSUAL = {
    ("carl", 1, 2): 11 * 60 + 30,
    ("emil", 1, 4): 0,
    ("chloe", 1, 5): 4 * 60,
}
NOT_SUBMITTED = {("ella", 1), ("carl", 2)}
REJECTED = {("emil", 2): "Thursday's search belongs to the website relaunch."}


@dataclass(frozen=True, slots=True)
class WorkedEntry:
    """An entry of the sample company."""

    id: uuid.UUID
    date: date
    project: str
    minutes: int
    note: str


@dataclass(frozen=True, slots=True)
class WorkedWeek:
    """A week of the sample company, and how far it got."""

    person: Person
    monday: date
    entries: tuple[WorkedEntry, ...]
    submitted: bool
    rejection: str | None
    decided: bool

    @property
    def name(self) -> str:
        """The ISO 8601 name of the week."""
        year, week, _day = self.monday.isocalendar()
        return f"{year}-W{week:02}"


def first_monday(today: date) -> date:
    """The day on which everybody of the sample company joined."""
    return today - timedelta(days=today.weekday(), weeks=WEEKS_BACK)


def worked_weeks(today: date) -> list[WorkedWeek]:
    """Everybody's weeks up to today: those before the last one are decided, it is submitted."""
    return [
        WorkedWeek(
            person=person,
            monday=(monday := first_monday(today) + timedelta(weeks=WEEKS_BACK - back)),
            entries=tuple(_entries(person, monday, back, today)),
            submitted=back > 0 and (person.key, back) not in NOT_SUBMITTED,
            rejection=REJECTED.get((person.key, back)),
            decided=back > 1,
        )
        for back in range(WEEKS_BACK, -1, -1)
        for person in PEOPLE
    ]


def _entries(person: Person, monday: date, back: int, today: date) -> Iterator[WorkedEntry]:
    projects = WORK[person.key]
    for weekday in range(7):
        day = monday + timedelta(days=weekday)
        usual = person.weekly_minutes // 5 if weekday < 5 else 0
        minutes = UNUSUAL.get((person.key, back, weekday), usual)
        if day > today or minutes == 0:
            continue
        first = minutes * SHARES[weekday % 5] // 4 // QUARTER * QUARTER
        second = 1 + (weekday + back) % (len(projects) - 1) if len(projects) > 1 else 0
        for number, (place, part) in enumerate(((0, first), (second, minutes - first))):
            project, note = projects[place]
            yield WorkedEntry(
                id=uuid.uuid5(NAMESPACE, f"{person.key} {day} {number}"),
                date=day,
                project=project,
                minutes=part,
                note=note,
            )
