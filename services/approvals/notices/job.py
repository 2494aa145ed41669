"""`python -m services.approvals notify`: record the notices that are due and deliver them."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections import Counter
from collections.abc import Callable, Mapping

import structlog

from libs.postgres.pool import Database
from libs.web.app import Clock
from libs.web.logs import configure_logging
from libs.web.settings import SettingsError
from services.approvals.notices.commands.delivery import Outcome, deliver_all
from services.approvals.notices.commands.recording import record_due
from services.approvals.notices.mail import Mailer
from services.approvals.notices.rendering import Renderer
from services.approvals.notices.settings import NoticeSettings

log = structlog.get_logger(__name__)


def main(environ: Mapping[str, str]) -> int:
    """The exit status: 0 delivered, 1 the mail server is unavailable, 2 wrong settings."""
    try:
        settings = NoticeSettings.read(environ)
    except SettingsError as error:
        for mistake in error.mistakes:
            sys.stderr.write(f"notify: {mistake}\n")
        return 2
    configure_logging(settings.log_format, settings.log_level, "notices")
    log.info("starting", **settings.described())
    outcomes = asyncio.run(_run_until_stopped(settings))
    return 1 if outcomes[Outcome.UNAVAILABLE] else 0


async def run_notices(
    database: Database,
    settings: NoticeSettings,
    clock: Clock,
    is_stopping: Callable[[], bool] = lambda: False,
) -> Counter[Outcome]:
    """Record and deliver once. Any number of runs may overlap."""
    await record_due(database, clock.now())
    renderer = Renderer(settings.sender, settings.portal_url)
    async with Mailer(settings.smtp) as mailer:
        return await deliver_all(database, renderer, mailer, clock, is_stopping)


async def _run_until_stopped(settings: NoticeSettings) -> Counter[Outcome]:
    """SIGTERM ends the run after the message that is being sent."""
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    database = Database(settings.database)
    await database.start()
    try:
        outcomes = await run_notices(database, settings, Clock(), stopping.is_set)
    finally:
        await database.stop()
    log.info("notices delivered", **{outcome: outcomes[outcome] for outcome in Outcome})
    return outcomes
