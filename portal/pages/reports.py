"""Reports: totals as a table with bars, downloads, and a customer's timesheet to print."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import aiohttp
import msgspec
from aiohttp import hdrs, web

from portal.access import shown_to
from portal.api_client import Api, ApiProblem, ApiUnavailable
from portal.context import api_of
from portal.days import parse_day, today
from portal.forms import Form
from portal.i18n import _
from portal.lists import Listing, filters_of, query_of, read_list
from portal.people import names_of
from portal.rendering import render
from portal.sorting import Key, sorting_of

ROUTES = web.RouteTableDef()
FILTERS = ("from", "to", "group_by", "then_by", "state", "project", "person", "customer")
# Not sent to the API, which groups and orders by the fields themselves.
OWN_FILTERS = ("group_by", "then_by", "sort")
FORMATS = ("csv", "xlsx")
GROUPS = ("project", "customer", "person", "employer", "week", "month", "task", "billable")
CHUNK_BYTES = 64 * 1024
# People read the printed page: more rows are for a spreadsheet.
MAX_PRINTED = 3000

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Group:
    """A line of the report. `labels` are the values of the fields it is grouped by."""

    labels: list[str]
    minutes: int
    billable: int
    entries: int


SORT_KEYS: dict[str, Key] = {
    "group": lambda group: [label.casefold() for label in group.labels],
    "hours": lambda group: group.minutes,
    "billable": lambda group: group.billable,
}


@ROUTES.get("/reports")
@shown_to("read:reports")
async def show_report(request: web.Request) -> web.StreamResponse:
    """Show totals by up to two fields, as a table and as bars."""
    filters, api = _filters(request), api_of(request)
    fields = [name for name in (filters["group_by"], filters["then_by"]) if name in GROUPS]
    fields = list(dict.fromkeys(fields)) or ["project"]
    query = _report_query(filters, request) | {"group_by": ",".join(fields)}
    try:
        listing = await read_list(api, "/v1/reports/totals", query, limit=200)
    except ApiProblem as problem:
        if problem.status != 422:
            raise
        filters.error = problem.message
        listing = Listing()
    names = await _names(request, fields, listing.items)
    groups = [_group(item, fields, names) for item in listing.items]
    is_whole = listing.next is None and "cursor" not in request.query
    sorting = sorting_of(request, SORT_KEYS if is_whole else (), "group")
    if is_whole:
        groups = sorting.apply(groups, SORT_KEYS)
    return render(
        request,
        "report.html",
        status=422 if filters.error else 200,
        filters=filters,
        groups=groups,
        fields=fields,
        sorting=sorting if is_whole else None,
        listing=listing,
        total=sum(group.minutes for group in groups),
        billable=sum(group.billable for group in groups),
        largest=max([group.minutes for group in groups], default=1),
        months=_months(today(request)),
    )


@ROUTES.get("/reports/download")
@shown_to("read:reports")
async def download(request: web.Request) -> web.StreamResponse:
    """Pass the API's export on while it arrives; nothing of it is kept here."""
    filters = _filters(request)
    kind = request.query.get("format", "csv")
    if kind not in FORMATS:
        raise web.HTTPNotFound
    query = _report_query(filters, request) | {"format": kind}
    source = await api_of(request).stream("/v1/reports/entries", query)
    async with source:
        name = f"entries-{filters['from']}-{filters['to']}.{kind}"
        response = web.StreamResponse(
            headers={
                hdrs.CONTENT_TYPE: source.headers.get(
                    hdrs.CONTENT_TYPE, "application/octet-stream"
                ),
                hdrs.CONTENT_DISPOSITION: f'attachment; filename="{name}"',
            }
        )
        await response.prepare(request)
        try:
            async for chunk in source.content.iter_chunked(CHUNK_BYTES):
                await response.write(chunk)
        except (aiohttp.ClientError, TimeoutError) as error:
            # The browser must see that the file is not whole.
            raise ApiUnavailable("the export broke off") from error
        await response.write_eof()
    return response


@ROUTES.get("/reports/timesheet")
@shown_to("read:reports")
async def print_timesheet(request: web.Request) -> web.StreamResponse:
    """The work for a customer, day by day, to be printed and signed."""
    filters = _filters(request)
    api = api_of(request)
    query = _report_query(filters, request) | {"format": "ndjson"}
    entries, projects = await asyncio.gather(_read_entries(api, query), api.get_all("/v1/projects"))
    entries.sort(key=lambda entry: (entry["date"], entry["name"] or "", entry["project"]))
    return render(
        request,
        "timesheet.html",
        filters=filters,
        entries=entries[:MAX_PRINTED],
        is_cut=len(entries) > MAX_PRINTED,
        names={project["code"]: project["name"] for project in projects},
        customers=sorted({project["customer"] for project in projects}),
        total=sum(entry["minutes"] for entry in entries[:MAX_PRINTED]),
    )


def _filters(request: web.Request) -> Form:
    """This month by default, and instead of what is no day."""
    first = today(request).replace(day=1)
    last = (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    filters = filters_of(request, (*FILTERS, "sort"), group_by="project")
    for name, day in (("from", first), ("to", last)):
        if parse_day(filters[name]) is None:
            filters.fields[name] = day.isoformat()
    return filters


def _report_query(filters: Form, request: web.Request) -> Json:
    query = query_of(filters, request)
    return {name: value for name, value in query.items() if name not in OWN_FILTERS}


async def _names(request: web.Request, fields: list[str], items: list[Json]) -> dict[str, str]:
    """Names of the projects and people of a report, as far as the directory can be read."""
    names: dict[str, str] = {}
    if "project" in fields:
        for project in await api_of(request).get_all("/v1/projects"):
            names[project["code"]] = project["name"]
    if "person" in fields:
        names |= await names_of(request, [item["person"] for item in items])
    return names


def _group(item: Json, fields: list[str], names: dict[str, str]) -> Group:
    labels = []
    for name in fields:
        value = item.get(name)
        if isinstance(value, bool):
            labels.append(_("billable") if value else _("not billable"))
        else:
            labels.append(names.get(str(value), str(value or "–")))
    return Group(labels, item["minutes"], item["billable_minutes"], item["entries"])


def _months(day: date) -> list[tuple[str, str]]:
    """First and last days of the last six months, newest first."""
    months = []
    first = day.replace(day=1)
    for _number in range(6):
        last = (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
        months.append((first.isoformat(), last.isoformat()))
        first = (first - timedelta(days=1)).replace(day=1)
    return months


async def _read_entries(api: Api, query: Json) -> list[Json]:
    """At most one more than can be printed."""
    entries: list[Json] = []
    source = await api.stream("/v1/reports/entries", query)
    async with source:
        try:
            async for line in source.content:
                entries.append(msgspec.json.decode(line, type=Json))
                if len(entries) > MAX_PRINTED:
                    break
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise ApiUnavailable("the export broke off") from error
    return entries
