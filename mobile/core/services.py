"""The services' addresses as functions."""

from __future__ import annotations

from datetime import date
from urllib.parse import parse_qsl, quote, urlsplit

from mobile.core.network import Answer, Api
from mobile.core.rules import MAX_PAGE
from mobile.core.wire import (
    Entry,
    Json,
    OverdueWeek,
    Person,
    Profile,
    Project,
    Rules,
    Timesheet,
    UnexpectedResponse,
    read,
    read_items,
)

# A list that goes on for longer than this is not one of ours.
MAX_PAGES = 100


def entry_path(entry_id: str) -> str:
    return f"/v1/entries/{quote(entry_id, safe='')}"


def week_path(week: str, step: str = "") -> str:
    return f"/v1/timesheets/{quote(week, safe='')}{step}"


def approval_path(approval_id: str, step: str = "") -> str:
    return f"/v1/approvals/{quote(approval_id, safe='')}{step}"


class Services:
    def __init__(self, api: Api) -> None:
        self._api = api

    async def rules(self) -> Rules:
        return read(Rules, (await self._api.get("/v1/entries/rules")).body)

    async def projects(self) -> list[Project]:
        pages = await self._pages("/v1/projects", {})
        return [read(Project, item) for item in pages]

    async def entries(self, since: date, until: date) -> list[Entry]:
        span = {"from": since.isoformat(), "to": until.isoformat()}
        return [read(Entry, item) for item in await self._pages("/v1/entries", span)]

    async def timesheets(self, since: str, until: str) -> list[Timesheet]:
        span = {"from": since, "to": until}
        return [read(Timesheet, item) for item in await self._pages("/v1/timesheets", span)]

    async def week(self, week: str) -> Timesheet:
        return read(Timesheet, (await self._api.get(week_path(week))).body)

    async def week_entries(self, week: str) -> tuple[Timesheet, list[Entry]]:
        body = (await self._api.get(week_path(week))).body
        return read(Timesheet, body), read_items(Entry, {"items": body.get("entries")})

    async def entry(self, entry_id: str) -> Answer:
        return await self._api.get(entry_path(entry_id))

    async def approvals(self, **query: str) -> list[Json]:
        return await self._pages("/v1/approvals", query)

    async def approval(self, approval_id: str) -> Json:
        body = (await self._api.get(approval_path(approval_id))).body
        if not isinstance(body, dict):
            raise UnexpectedResponse("an approval is expected")
        return body

    async def profile(self) -> Profile:
        return read(Profile, (await self._api.get("/v1/profile")).body)

    async def people(self, query: str) -> list[Person]:
        answer = await self._api.get("/v1/people", {"q": query, "limit": "20"})
        return read_items(Person, answer.body)

    async def overdue(self) -> list[OverdueWeek]:
        """Whose weeks are not submitted yet, of those the person looks after."""
        return [read(OverdueWeek, item) for item in await self._pages("/v1/approvals/overdue", {})]

    async def _pages(self, path: str, query: dict[str, str]) -> list[Json]:
        items: list[Json] = []
        params = {"limit": str(MAX_PAGE), **query}
        for _ in range(MAX_PAGES):
            page = (await self._api.get(path, params)).body
            if not isinstance(page, dict) or not isinstance(page.get("items"), list):
                raise UnexpectedResponse("a list is expected")
            items += page["items"]
            following = page.get("next")
            if not isinstance(following, str):
                return items
            # Of the address only its query counts: a token goes nowhere else.
            params = dict(parse_qsl(urlsplit(following).query, keep_blank_values=True))
        raise UnexpectedResponse("the list does not end")
