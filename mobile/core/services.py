"""The services' routes as functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from mobile.core.network import Api, ApiResponse
from mobile.core.rules import MAX_PAGE
from mobile.core.validators import Validator, Validators
from mobile.core.wire import (
    Json,
    Person,
    Profile,
    Rules,
    UnexpectedResponse,
    read,
    read_items,
)

# A list with more pages is not one of ours.
MAX_PAGES = 100
PROFILE_PATH = "/v1/profile"


def entry_path(entry_id: str) -> str:
    """The path of an entry."""
    return f"/v1/entries/{quote(entry_id, safe='')}"


def absence_path(absence_id: str) -> str:
    """The path of an absence."""
    return f"/v1/absences/{quote(absence_id, safe='')}"


def week_path(week: str, step: str = "") -> str:
    """The path of a week, or of a step such as `/submit`."""
    return f"/v1/timesheets/{quote(week, safe='')}{step}"


def approval_path(approval_id: str, step: str = "") -> str:
    """The path of an approval, or of a step such as `/approve`."""
    return f"/v1/approvals/{quote(approval_id, safe='')}{step}"


@dataclass(frozen=True, slots=True)
class Fetched:
    """Items from the server. Store `validators` in the transaction that stores the items."""

    items: list[Json]
    validators: dict[str, Validator]


class Services:
    """Reads from the services; what is unchanged since it was stored is None."""

    def __init__(self, api: Api, validators: Validators) -> None:
        self._api = api
        self._validators = validators

    async def rules(self) -> Rules:
        """The rules as they hold for the person now."""
        return read(Rules, (await self._api.get("/v1/entries/rules")).body)

    async def projects(self) -> Fetched | None:
        """All projects; None if they are unchanged."""
        return await self._list("/v1/projects", {})

    async def entries(self, since: date, until: date) -> Fetched | None:
        """The person's entries of a range; None if they are unchanged."""
        return await self._list("/v1/entries", _span(since, until))

    async def timesheets(self, since: str, until: str) -> Fetched | None:
        """The person's timesheets from one week to another; None if they are unchanged."""
        return await self._list("/v1/timesheets", {"from": since, "to": until})

    async def absences(self, since: date, until: date) -> Fetched | None:
        """The person's absences in a range; None if they are unchanged."""
        return await self._list("/v1/absences", _span(since, until))

    async def calendar(self, since: date, until: date) -> Fetched | None:
        """The days of a range with their targets; None if they are unchanged."""
        return await self._list("/v1/calendar", _span(since, until), paged=False)

    async def week(self, week: str) -> Fetched | None:
        """The week as the only item, its entries included."""
        return await self._one(week_path(week))

    async def approvals(self, **query: str) -> Fetched | None:
        """The approvals that the query asks for; None if they are unchanged."""
        return await self._list("/v1/approvals", query)

    async def approval(self, approval_id: str) -> Json:
        """One approval with its entries. Raises `UnexpectedResponse` for anything else."""
        body = (await self._api.get(approval_path(approval_id))).body
        if not isinstance(body, dict):
            raise UnexpectedResponse("an approval is expected")
        return body

    async def profile(self) -> Fetched | None:
        """The profile as the only item."""
        found = await self._one(PROFILE_PATH)
        if found is not None:
            read(Profile, found.items[0])
        return found

    async def people(self, query: str) -> list[Person]:
        """Up to twenty active people whose names match."""
        response = await self._api.get("/v1/people", {"q": query, "limit": "20", "active": "true"})
        return read_items(Person, response.body)

    async def overdue(self) -> Fetched | None:
        """The team's past weeks that are not submitted."""
        return await self._list("/v1/approvals/overdue", {})

    async def _one(self, path: str) -> Fetched | None:
        known = self._validators.get(path)
        response = await self._api.get(path, etag=known.etag if known is not None else None)
        if response.status == 304:
            return None
        if not isinstance(response.body, dict):
            raise UnexpectedResponse("an object is expected")
        validators = {path: Validator(response.etag)} if response.etag is not None else {}
        return Fetched([response.body], validators)

    async def _list(
        self, path: str, query: dict[str, str], *, paged: bool = True
    ) -> Fetched | None:
        """Read every page. None if the server answers 304 to each that is stored.

        A list that is not `paged` takes no `limit`: the server rejects parameters it does not know.
        """
        first = {"limit": str(MAX_PAGE), **query} if paged else query
        params: dict[str, str] | None = first
        fetched, skipped, conditional = Fetched([], {}), 0, True
        for _ in range(2 * MAX_PAGES):
            if params is None:
                return None if skipped else fetched
            known = self._validators.get(_key(path, params)) if conditional else None
            response = await self._api.get(path, params, etag=known.etag if known else None)
            if response.status == 304 and known is not None:
                skipped += 1
                params = _query_of(known.following)
            elif skipped:
                # A later page has changed, so the earlier ones are needed as well.
                params, skipped, conditional = first, 0, False
            else:
                conditional = False
                params = _query_of(_add_page(fetched, _key(path, params), response))
        raise UnexpectedResponse("the list does not end")


def _add_page(fetched: Fetched, key: str, response: ApiResponse) -> str | None:
    """The address of the next page."""
    page = response.body
    if not isinstance(page, dict) or not isinstance(page.get("items"), list):
        raise UnexpectedResponse("a list is expected")
    following = page.get("next") if isinstance(page.get("next"), str) else None
    fetched.items.extend(page["items"])
    if response.etag is not None:
        fetched.validators[key] = Validator(response.etag, following)
    return following


def _span(since: date, until: date) -> dict[str, str]:
    return {"from": since.isoformat(), "to": until.isoformat()}


def _key(path: str, params: Mapping[str, str]) -> str:
    return f"{path}?{urlencode(sorted(params.items()))}"


def _query_of(address: str | None) -> dict[str, str] | None:
    """The query of a page's address, and nothing else of it: a token goes to no other host."""
    if address is None:
        return None
    return dict(parse_qsl(urlsplit(address).query, keep_blank_values=True))
