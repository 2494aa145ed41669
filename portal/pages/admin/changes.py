"""The change log: who changed what and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from portal.access import shown_to
from portal.context import api_of
from portal.i18n import _
from portal.lists import filters_of, query_of, read_list
from portal.people import names_of
from portal.rendering import render

ROUTES = web.RouteTableDef()
SERVICES = ("entries", "approvals", "profile")
FILTERS = ("service", "subject", "actor", "from", "to")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """A field before and after; None where there was no such field."""

    name: str
    before: str | None
    after: str | None


@ROUTES.get("/admin/changes")
@shown_to("read:audit")
async def list_changes(request: web.Request) -> web.StreamResponse:
    """Show who changed what in a service, newest first."""
    filters = filters_of(request, FILTERS, service="entries")
    service = filters["service"] if filters["service"] in SERVICES else "entries"
    query = query_of(filters, request)
    query.pop("service", None)
    listing = await read_list(api_of(request), f"/v1/changes/{service}", query)
    people = [name for item in listing.items for name in (item["actor"], item["subject"])]
    return render(
        request,
        "admin/changes.html",
        listing=listing,
        filters=filters,
        services=[
            ("entries", _("Time and projects")),
            ("approvals", _("Approvals")),
            ("profile", _("People")),
        ],
        people=await names_of(request, people),
        rows=[(item, differences(item)) for item in listing.items],
    )


def differences(item: Json) -> list[Difference]:
    """The fields that a change gave another value, each with both values."""
    before, after = item.get("before") or {}, item.get("after") or {}
    names = dict.fromkeys([*before, *after])
    return [
        Difference(name, _shown(before, name), _shown(after, name))
        for name in names
        if before.get(name) != after.get(name) and (before or after.get(name))
    ]


def _shown(values: Json, name: str) -> str | None:
    if name not in values:
        return None
    return _text(values[name])


def _text(value: Any) -> str:
    """A value for people: lists with commas, objects field by field."""
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if isinstance(value, list):
        return ", ".join(_text(one) for one in value) or "–"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_text(one)}" for key, one in value.items()) or "–"
    return "–" if value is None or value == "" else str(value)
