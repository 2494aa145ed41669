"""The entries service, put together."""

from __future__ import annotations

from aiohttp import web

from libs.service.application import create_service
from libs.service.settings import ServiceSettings
from libs.web.metrics import METRICS
from services.entries.api import all_routes
from services.entries.api.refusals import tell_refusals
from services.entries.feeds import HANDLERS
from services.entries.figures import FIGURES, Figures

FOLLOWS = tuple(HANDLERS)


def create_app(settings: ServiceSettings) -> web.Application:
    app = create_service(
        "entries",
        "ExampleCo Timesheets: entries, weeks, projects",
        settings,
        all_routes(),
        [tell_refusals],
        HANDLERS,
    )
    app[FIGURES] = Figures(app[METRICS].registry)
    return app
