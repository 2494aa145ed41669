"""Lists that are filtered and paged by their address."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from portal.api_client import Api
from portal.forms import Form

Json = dict[str, Any]
PAGE_SIZE = 50


@dataclass
class Listing:
    """One page. `is_available` is False where the API has no such list."""

    items: list[Any] = field(default_factory=list)
    next: str | None = None
    is_available: bool = True
    more: Json = field(default_factory=dict)


async def read_list(api: Api, path: str, query: Json, *, limit: int = PAGE_SIZE) -> Listing:
    """Read a page of a list of the API. The listing says so if the API has no such list. Raises
    as `Api.request` does."""
    found = await api.find(path, limit=limit, **query)
    if found is None:
        return Listing(is_available=False)
    rest = {name: value for name, value in found.items() if name not in ("items", "next")}
    return Listing(found["items"], found.get("next"), more=rest)


def filters_of(request: web.Request, names: Iterable[str], **defaults: str) -> Form:
    """The filters in the address, as a form that shows them."""
    values = {name: request.query.get(name, defaults.get(name)) for name in names}
    return Form.of(**values)


def query_of(filters: Form, request: web.Request) -> Json:
    """The filters that are set, and where the page begins."""
    query: Json = {name: value.strip() for name, value in filters.items() if value.strip()}
    if cursor := request.query.get("cursor"):
        query["cursor"] = cursor
    return query
