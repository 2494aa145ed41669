"""The application of the entries service."""

from __future__ import annotations

from aiohttp import web

from libs.feed.housekeeping import housekeeping
from libs.postgres.pool import Database
from libs.service.application import create_service
from libs.service.settings import ServiceSettings
from libs.web.app import Clock
from libs.web.metrics import METRICS
from services.entries.api import all_routes
from services.entries.api.error_handlers import problem_of
from services.entries.batches.commands.tidy import tidy_batches
from services.entries.commands.weeks_off import (
    publish_changed_holidays,
    publish_known_people,
    publish_new_weeks,
)
from services.entries.events import without_notes
from services.entries.feeds import HANDLERS
from services.entries.metrics import SERVICE_METRICS, ServiceMetrics
from services.entries.reports.commands.summary import INTERVAL, keep_summary

FOLLOWS = tuple(HANDLERS)
WEEKS_OFF_INTERVAL = 900.0


def create_app(settings: ServiceSettings) -> web.Application:
    """The entries service, ready to be served."""
    app = create_service(
        "entries",
        "ExampleCo Timesheets: entries, weeks, projects",
        settings,
        all_routes(),
        [problem_of],
        HANDLERS,
        without_notes,
    )
    app.cleanup_ctx.append(housekeeping(work=tidy_batches))
    app.cleanup_ctx.append(housekeeping(INTERVAL, keep_summary))
    app.cleanup_ctx.append(housekeeping(WEEKS_OFF_INTERVAL, _publish_weeks_off))
    app[SERVICE_METRICS] = ServiceMetrics(app[METRICS].registry)
    return app


async def _publish_weeks_off(db: Database, clock: Clock) -> None:
    await publish_changed_holidays(db, clock.now())
    await publish_new_weeks(db, clock.now())
    await publish_known_people(db, clock.now())
