"""A part-timer whose only working day is a holiday is not reminded, years after the contract."""

from __future__ import annotations

from datetime import date

from libs.postgres.pool import Database
from libs.postgres.settings import DatabaseSettings
from libs.rules.calendar import Week
from services.entries.commands.weeks_off import publish_new_weeks
from tests.e2e.half_year.company import Company, sub

MONDAYS = {"minutes": [480, 0, 0, 0, 0, 0, 0], "calendar": "DE-BY"}
EASTER_MONDAY = date(2028, 4, 17)


async def overdue_weeks(company: Company) -> set[tuple[str, str]]:
    items = await company.pages("maya", "approvals", "/v1/approvals/overdue?limit=200")
    return {(item["person"], item["week"]) for item in items}


async def publish_as_replica(company: Company) -> None:
    """Run the job of a replica once."""
    database = Database(DatabaseSettings(company.database("entries")))
    await database.start()
    await publish_new_weeks(database, company.clock.now())
    await database.stop()
    await company.catch_up()


async def test_a_week_of_nothing_but_a_holiday_is_never_overdue(company: Company) -> None:
    company.go_to(date(2026, 11, 23))
    for person, manager in (("maya", None), ("mona", sub("maya"))):
        body = {"name": person.title(), "manager": manager}
        await company.do("ada", "PUT", "profile", f"/v1/people/{sub(person)}", body)
    contract = f"/v1/people/{sub('mona')}/contracts/2026-01-01"
    await company.do("ada", "PUT", "profile", contract, MONDAYS)
    await company.catch_up()
    await publish_as_replica(company)
    company.go_to(date(2027, 6, 7))
    await publish_as_replica(company)

    company.go_to(date(2028, 5, 8))
    week = Week.of(EASTER_MONDAY)
    overdue = await overdue_weeks(company)
    assert (sub("mona"), str(week.plus(-1))) in overdue
    assert (sub("mona"), str(week)) not in overdue
    path = f"/v1/reports/missing?week={week}"
    assert sub("mona") not in {
        item["person"] for item in await company.pages("ada", "entries", path)
    }
