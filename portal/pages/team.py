"""The team: people by weeks, who is missing, who is off and what waits."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import Any

from aiohttp import web

from libs.rules.calendar import Week
from portal.access import shown_to
from portal.api_client import Api, ApiProblem
from portal.context import api_of
from portal.days import today
from portal.days_off import Absences, DaysOff, days_off_in, read_absences
from portal.rendering import SESSION, render
from portal.sorting import Key, page_of, sorting_of

ROUTES = web.RouteTableDef()
WEEKS = 5
# On a page: the absences of each are a call of their own.
MEMBERS = 30

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Status:
    """A person's week: `state` is that of the approval, `missing`, or `open` until it is over."""

    state: str
    minutes: int
    target: int | None
    approval: str = ""


@dataclass(slots=True)
class Member:
    """A person of the team, with the state of each week and the days off in it."""

    person: str
    name: str
    weeks: dict[str, Status] = field(default_factory=dict)
    off: dict[str, list[DaysOff]] = field(default_factory=dict)

    @property
    def missing(self) -> int:
        """The number of weeks that were not submitted."""
        return sum(1 for status in self.weeks.values() if status.state == "missing")


@ROUTES.get("/team")
@shown_to("approve:timesheets", "read:reports")
async def show_team(request: web.Request) -> web.StreamResponse:
    """Show the team by weeks: who is missing, off or waiting."""
    last = _last_week(request)
    weeks = [last.plus(-back) for back in reversed(range(WEEKS))]
    may_approve = request[SESSION].may("approve:timesheets")
    results = await asyncio.gather(
        *(_read_week(api_of(request), week, may_approve=may_approve) for week in weeks)
    )
    members = _members(dict(zip(weeks, results, strict=True)), today(request))
    shown = request.query.get("show", "")
    if shown == "missing":
        members = [member for member in members if member.missing]
    keys: dict[str, Key] = {str(week): partial(_minutes_key, str(week)) for week in weeks}
    keys["name"] = _name_key
    sorting = sorting_of(request, keys, "name")
    listing = page_of(request, sorting.apply(members, keys), MEMBERS)
    absences = await _mark_days_off(request, listing.items, weeks)
    return render(
        request,
        "team.html",
        weeks=weeks,
        listing=listing,
        last=last,
        shown=shown,
        sorting=sorting,
        absences=absences,
    )


def _name_key(member: Member) -> str:
    return member.name.casefold()


def _minutes_key(week: str, member: Member) -> int:
    status = member.weeks.get(week)
    return status.minutes if status else 0


async def _mark_days_off(
    request: web.Request, members: Sequence[Member], weeks: Sequence[Week]
) -> Absences:
    """Note the days off of members."""
    if not request[SESSION].may("approve:timesheets", "manage:timesheets"):
        return Absences({})  # the API shows nobody else's absences to them
    people = [member.person for member in members]
    absences = await read_absences(api_of(request), people, weeks[0].monday, weeks[-1].sunday)
    for member in members:
        for week in weeks:
            member.off[str(week)] = days_off_in(week, absences.by_person.get(member.person, ()))
    return absences


def _last_week(request: web.Request) -> Week:
    try:
        return Week.parse(request.query.get("until", ""))
    except ValueError:
        return Week.of(today(request))


async def _read_week(api: Api, week: Week, *, may_approve: bool) -> tuple[list[Json], list[Json]]:
    """The submissions of a week and who has not submitted it."""
    missing = _or_nothing(api.get_all("/v1/reports/missing", week=str(week)))
    if not may_approve:
        return [], await missing
    submitted = _or_nothing(api.get_all("/v1/approvals", week=str(week)))
    found, absent = await asyncio.gather(submitted, missing)
    return found, absent


async def _or_nothing(items: Any) -> list[Json]:
    try:
        found: list[Json] = await items
    except ApiProblem as problem:
        if problem.status not in (403, 404):
            raise
        return []
    return found


def _members(weeks: dict[Week, tuple[list[Json], list[Json]]], day: date) -> list[Member]:
    """Of several submissions of a week the last one counts."""
    members: dict[str, Member] = {}

    def member(person: str, name: str | None) -> Member:
        return members.setdefault(person, Member(person, name or person))

    for week, (submitted, missing) in weeks.items():
        for item in submitted:
            status = Status(
                item["state"], item["total_minutes"], item.get("target_minutes"), item["id"]
            )
            member(item["person"], item["person_name"]).weeks[str(week)] = status
        for item in missing:
            state = "missing" if week.sunday < day else "open"
            status = Status(state, item["total_minutes"], item.get("target_minutes"))
            member(item["person"], item["name"]).weeks[str(week)] = status
    return list(members.values())
