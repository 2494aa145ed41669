"""The profile service, put together."""

from __future__ import annotations

from aiohttp import web

from libs.feed.housekeeping import housekeeping
from libs.postgres.pool import Database
from libs.service.application import create_service
from libs.service.settings import ServiceSettings
from libs.web.app import Clock
from services.profile.api import all_routes
from services.profile.api.error_handlers import problem_of
from services.profile.commands.republishing import republish_people

REPUBLISHING_INTERVAL = 300.0


def create_app(settings: ServiceSettings) -> web.Application:
    """The profile service, ready to be served."""
    app = create_service(
        "profile",
        "ExampleCo Timesheets: people, managers, delegates",
        settings,
        all_routes(),
        [problem_of],
    )
    app.cleanup_ctx.append(housekeeping(REPUBLISHING_INTERVAL, _republish_people))
    return app


async def _republish_people(db: Database, clock: Clock) -> None:
    await republish_people(db, clock.now())
