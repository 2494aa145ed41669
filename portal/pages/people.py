"""Suggestions of people, for the script while somebody types a name."""

from __future__ import annotations

from aiohttp import web

from portal.access import shown_to
from portal.context import api_of
from portal.people import person_label, suggest_people
from portal.rendering import json_response

ROUTES = web.RouteTableDef()


@ROUTES.get("/people/suggestions", allow_head=False)
@shown_to("read:people")
async def list_suggestions(request: web.Request) -> web.StreamResponse:
    """The fields' values for `?q=`; nothing for an empty one."""
    text = request.query.get("q", "").strip()
    found = await suggest_people(api_of(request), text) if text else []
    return json_response([person_label(person) for person in found])
