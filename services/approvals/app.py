"""The approvals service, put together."""

from __future__ import annotations

from aiohttp import web

from libs.feed.housekeeping import housekeeping
from libs.service.application import create_service
from libs.service.settings import ServiceSettings
from services.approvals.api import all_routes
from services.approvals.api.error_handlers import problem_of
from services.approvals.commands.unsubmitted import INTERVAL, store_unsubmitted
from services.approvals.feeds import HANDLERS
from services.approvals.metrics import metrics_context

FOLLOWS = tuple(HANDLERS)


def create_app(settings: ServiceSettings) -> web.Application:
    """The approvals service, ready to be served."""
    app = create_service(
        "approvals",
        "ExampleCo Timesheets: who must decide, decisions, history",
        settings,
        all_routes(),
        [problem_of],
        HANDLERS,
    )
    app.cleanup_ctx.append(housekeeping(INTERVAL, store_unsubmitted))
    app.cleanup_ctx.append(metrics_context())
    return app
