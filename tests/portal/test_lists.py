"""Lists are sorted and paged by their address, and show names and days off."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from aiohttp.test_utils import make_mocked_request

from libs.rules.calendar import Week
from portal.api_client import CALLS_AT_ONCE, gather_calls
from portal.days_off import DaysOff, days_off_in
from portal.sorting import page_of, sorting_of
from tests.portal.client import Page, PortalClient
from tests.portal.own import OwnPortal, Relay

WEEK = Week.of(datetime.now(UTC).date())
ROW = re.compile(r'<th scope="row">(.*?)</th>', re.DOTALL)
CHANGES = "/admin/changes?service=profile"


def first_cells(page: Page) -> list[str]:
    """The text of each row's header."""
    return [" ".join(re.sub(r"<[^>]+>", " ", one).split()) for one in ROW.findall(page.text)]


def absence(first: date, last: date, portion: float = 1) -> dict[str, object]:
    return {"kind": "vacation", "from": str(first), "to": str(last), "portion": portion}


async def test_projects_are_sorted_by_their_address(client: PortalClient) -> None:
    await client.sign_in("ada")
    by_name = first_cells(await client.get("/admin/projects?sort=name"))
    assert by_name == sorted(by_name, key=str.casefold)
    page = await client.get("/admin/projects?sort=-name")
    assert first_cells(page) == by_name[::-1]
    assert 'aria-sort="descending"' in page.text
    unsorted = first_cells(await client.get("/admin/projects"))
    assert unsorted != by_name
    assert sorted(unsorted) == sorted(by_name)
    assert first_cells(await client.get("/admin/projects?sort=password")) == unsorted


async def test_a_report_is_sorted_by_name_unless_the_address_says_otherwise(
    client: PortalClient,
) -> None:
    await client.sign_in("ada")
    page = await client.get(f"/reports?from={WEEK.plus(-4).monday}&to={WEEK.sunday}")
    names = first_cells(page)[:-1]
    assert len(names) > 2
    assert names == sorted(names, key=str.casefold)
    assert 'aria-sort="ascending"' in page.text


@pytest.mark.parametrize("path", ["/reports", "/reports/timesheet"])
@pytest.mark.parametrize("day", ["", "tomorrow", "2026-13-45"])
async def test_a_report_of_no_day_is_that_of_this_month(
    client: PortalClient, path: str, day: str
) -> None:
    """Browsers without scripts send empty fields."""
    await client.sign_in("ada")
    page = await client.get(f"{path}?from={day}&to={day}")
    assert page.status == 200
    today = datetime.now(UTC).date()
    assert f'name="from" value="{today.replace(day=1)}"' in page.text


async def test_a_refusal_at_a_field_is_said_once(client: PortalClient) -> None:
    await client.sign_in("ada")
    page = await client.send("/admin/period", {"closed_through": "2999-01-01", "reason": ""})
    assert page.status == 422
    assert page.text.count("A period can be closed through") == 1


async def test_a_report_is_sorted_by_hours(client: PortalClient) -> None:
    await client.sign_in("ada")
    span = f"from={WEEK.plus(-4).monday}&to={WEEK.sunday}"
    page = await client.get(f"/reports?{span}&sort=-hours")
    hours = [
        int(found[1]) * 60 + int(found[2])
        for found in re.finditer(
            r'data-label="Hours">(\d+):(\d\d)</td><td class="number"', page.text
        )
    ][:-1]
    assert len(hours) > 2
    assert hours == sorted(hours, reverse=True)


async def test_a_report_by_person_shows_names(client: PortalClient) -> None:
    await client.sign_in("ada")
    span = f"from={WEEK.plus(-4).monday}&to={WEEK.sunday}"
    shown = first_cells(await client.get(f"/reports?{span}&group_by=person"))
    assert "Erin Employee" in shown
    assert not any("|" in name for name in shown)


async def test_the_change_log_shows_names_beside_ids(client: PortalClient) -> None:
    await client.sign_in("ada")
    page = await client.get(CHANGES)
    assert re.search(r"[A-Z]\w+ \w+ \(auth0\|\w+\)", page.text)


async def test_the_team_is_sorted_by_name_and_by_hours(client: PortalClient) -> None:
    await client.sign_in("maya")
    names = first_cells(await client.get("/team"))
    assert names == sorted(names, key=str.casefold)
    assert first_cells(await client.get("/team?sort=-name")) == names[::-1]
    page = await client.get(f"/team?sort=-{WEEK.plus(-1)}")
    assert 'aria-sort="descending"' in page.text
    assert sorted(first_cells(page)) == sorted(names)


async def test_the_team_page_marks_who_is_off(client: PortalClient, origin: str) -> None:
    week = WEEK.plus(2)
    async with PortalClient(origin) as erin:
        await erin.sign_in("erin")
        absence_id = str(uuid4())
        span = {"from": str(week.monday), "to": str(week.monday + timedelta(days=2))}
        form = {"id": absence_id, "kind": "training", "portion": "1", "note": "", **span}
        await erin.post("/absences", form)
        await client.sign_in("maya")
        page = await client.get(f"/team?until={week}")
        await erin.post(f"/absences/{absence_id}/delete")
    row = next(row for row in page.text.split("<tr>") if "Erin Employee" in row)
    assert "Training" in row
    assert "Mon\u2013Wed" in row


async def test_without_absences_the_team_page_says_so(portal: OwnPortal, relay: Relay) -> None:
    async with portal.client() as client:
        await client.sign_in("maya")
        relay.refuse("GET", "/v1/absences", 503)
        page = await client.get("/team")
    assert page.status == 200
    assert "Erin Employee" in first_cells(page)
    assert "The absences of some people can't be shown" in page.text


async def test_absences_that_the_reader_may_not_see_are_no_failure(
    portal: OwnPortal, relay: Relay
) -> None:
    async with portal.client() as client:
        await client.sign_in("maya")
        relay.refuse("GET", "/v1/absences", 404)
        page = await client.get("/team")
    assert "Absences of people you stand in for are not shown." in page.text
    assert "right now" not in page.text


async def test_overdue_weeks_find_the_addresses_of_the_people_listed(
    portal: OwnPortal, relay: Relay
) -> None:
    async with portal.client() as client:
        await client.sign_in("maya")
        relay.seen.clear()
        page = await client.get("/approvals/overdue")
    shown = set(re.findall(r"person=([^\"]+)\"", page.text))
    assert re.search(r"mailto:[^?@%]+@[^?@%]+\?", page.text)
    requested = {one.rpartition("/")[2] for one in relay.seen if one.startswith("GET /v1/people/")}
    assert {one.replace("%7C", "|") for one in requested} <= {
        one.replace("%7C", "|") for one in shown
    }
    assert not [one for one in relay.seen if one == "GET /v1/people"]


async def test_calls_of_a_page_are_capped() -> None:
    under_way = most = 0

    async def call(number: int) -> int:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        for _turn in range(3):
            await asyncio.sleep(0)
        under_way -= 1
        return number

    assert await gather_calls(call(number) for number in range(30)) == list(range(30))
    assert most == CALLS_AT_ONCE


@pytest.mark.parametrize(
    ("span", "shown"),
    [
        ((-9, 20), (0, 4, True)),
        ((0, 2), (0, 2, False)),
        ((3, 9), (3, 4, False)),
        ((5, 6), (5, 6, False)),
        ((4, 4), (4, 4, False)),
    ],
)
def test_days_off_are_those_of_the_week(
    span: tuple[int, int], shown: tuple[int, int, bool]
) -> None:
    first, last = (WEEK.monday + timedelta(days=day) for day in span)
    [found] = days_off_in(WEEK, [absence(first, last, 0.5)])
    days = [WEEK.monday + timedelta(days=day) for day in shown[:2]]
    assert found == DaysOff("vacation", days[0], days[1], is_half=True)
    assert found.is_all_week == shown[2]


def test_days_off_of_other_weeks_are_left_out() -> None:
    assert days_off_in(WEEK, [absence(WEEK.sunday + timedelta(days=1), WEEK.plus(2).monday)]) == []


def test_a_whole_list_is_paged_by_the_index_of_its_first_item() -> None:
    items = list(range(5))
    page = page_of(make_mocked_request("GET", "/"), items, 2)
    assert (page.items, page.next) == ([0, 1], "2")
    page = page_of(make_mocked_request("GET", "/?cursor=4"), items, 2)
    assert (page.items, page.next) == ([4], None)
    page = page_of(make_mocked_request("GET", "/?cursor=eyJ4Ijo"), items, 2)
    assert page.items == [0, 1]


def test_a_second_click_on_a_column_turns_its_order() -> None:
    sorting = sorting_of(make_mocked_request("GET", "/?sort=name"), ("name", "hours"), "hours")
    assert sorting.after_click("name") == "-name"
    assert sorting.after_click("hours") == "hours"
    assert sorting.direction_of("name") == "ascending"
    assert sorting.direction_of("hours") == ""
