"""The list of keys."""

from __future__ import annotations

from aiohttp import web

from portal.rendering import render

ROUTES = web.RouteTableDef()


@ROUTES.get("/help/keyboard")
async def show_keys(request: web.Request) -> web.StreamResponse:
    """The keys of the week grid, which `?` opens in a dialog where scripts run."""
    return render(request, "keyboard.html")
