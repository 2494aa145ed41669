"""The profile service, put together."""

from __future__ import annotations

from aiohttp import web

from libs.service.application import create_service
from libs.service.settings import ServiceSettings
from services.profile.api import all_routes
from services.profile.api.error_handlers import map_errors


def create_app(settings: ServiceSettings) -> web.Application:
    """The profile service, ready to be served."""
    return create_service(
        "profile",
        "ExampleCo Timesheets: people, managers, delegates",
        settings,
        all_routes(),
        [map_errors],
    )
