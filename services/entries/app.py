"""The entries service, put together."""

from __future__ import annotations

from aiohttp import web

from libs.service.application import create_service
from libs.service.settings import ServiceSettings
from services.entries.api import all_routes
from services.entries.api.refusals import tell_refusals
from services.entries.feeds import HANDLERS

FOLLOWS = tuple(HANDLERS)


def create_app(settings: ServiceSettings) -> web.Application:
    return create_service(
        "entries",
        "ExampleCo Timesheets: entries, weeks, projects",
        settings,
        all_routes(),
        [tell_refusals],
        HANDLERS,
    )
