"""The half year: people, contracts, projects and the days on which something happens."""

from __future__ import annotations

from datetime import date

from libs.rules.calendar import Week

FIRST = Week.parse("2026-W02")
WEEKS = [FIRST.plus(number) for number in range(25)]
TEAMS = {
    "maya": ("erin", "emil", "eva", "lea"),
    "marco": ("carl", "cora", "chris"),
}
WORKERS = [person for team in TEAMS.values() for person in team]
FULL_TIME, PART_TIME = (480, 480, 480, 480, 480, 0, 0), (480, 480, 480, 480, 0, 0, 0)
HALF_TIME = (240, 240, 240, 240, 240, 0, 0)
# Erin's hours change in March, Carl's in April; Eva has no contract and no target.
CONTRACTS = {
    **{person: [(date(2026, 1, 1), FULL_TIME)] for person in WORKERS if person != "eva"},
    "erin": [(date(2026, 1, 1), FULL_TIME), (date(2026, 3, 2), HALF_TIME)],
    "carl": [(date(2026, 1, 1), FULL_TIME), (date(2026, 4, 1), PART_TIME)],
}
PROJECTS = {
    "WEB": {"name": "Web", "customer": "Big Company"},
    "SHOP": {"name": "Shop", "customer": "Small Company"},
    "INTERNAL": {"name": "Internal", "customer": "ExampleCo", "billable": False},
}
SHOP_ENDS = date(2026, 5, 4)
LEFT, BACK = Week.parse("2026-W11"), Week.parse("2026-W19")
AWAY = (Week.parse("2026-W15"), Week.parse("2026-W16"))
LATE = Week.parse("2026-W05")
JANUARY = "/v1/reports/entries?from=2026-01-01&to=2026-01-31&state=approved"
FEBRUARY = "/v1/reports/entries?from=2026-02-01&to=2026-02-28"


def is_gone(person: str, week: Week) -> bool:
    return person == "lea" and LEFT < week < BACK


def target_of(person: str, week: Week) -> int | None:
    contracts = CONTRACTS.get(person)
    if contracts is None:
        return None
    return sum(
        next(minutes for since, minutes in reversed(contracts) if since <= day)[day.weekday()]
        for day in week.days
    )
