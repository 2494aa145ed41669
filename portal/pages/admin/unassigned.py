"""Weeks that wait without anybody who is assigned to decide them."""

from __future__ import annotations

from aiohttp import web

from portal.access import shown_to
from portal.context import api_of
from portal.lists import filters_of, query_of, read_list
from portal.rendering import render

ROUTES = web.RouteTableDef()


@ROUTES.get("/admin/unassigned")
@shown_to("manage:timesheets")
async def list_unassigned(request: web.Request) -> web.StreamResponse:
    """Show pending weeks of people who have no approver."""
    filters = filters_of(request, ())
    query = {"state": "pending", **query_of(filters, request)}
    listing = await read_list(api_of(request), "/v1/approvals", query, limit=200)
    # An API that knows `why` as a filter sends these alone.
    listing.items = [item for item in listing.items if item["why"] == "unassigned"]
    return render(request, "admin/unassigned.html", listing=listing)
