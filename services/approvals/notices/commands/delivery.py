"""Deliver the recorded notices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from email.message import EmailMessage
from enum import StrEnum
from typing import Protocol

import asyncpg
import structlog

from libs.postgres.pool import Database
from libs.postgres.shares import Share
from libs.web.app import Clock
from services.approvals.notices.mail import MailFailed, MailServerUnavailable
from services.approvals.notices.model import delay_after
from services.approvals.notices.rendering import Renderer
from services.approvals.notices.store import outbox
from services.approvals.notices.store.outbox import ClaimedNotice

MAX_ERROR_LENGTH = 300

log = structlog.get_logger(__name__)


class Outcome(StrEnum):
    """The result of one notice."""

    SENT = "sent"
    CANCELLED = "cancelled"
    POSTPONED = "postponed"
    UNAVAILABLE = "unavailable"
    """The mail server cannot be reached; the notice is postponed."""


class Sender(Protocol):
    """A connection to a mail server."""

    async def send(self, message: EmailMessage) -> None:
        """Return when the server has accepted the message.

        Raises `MailFailed`, and `MailServerUnavailable` when others would fail too.
        """


async def deliver_all(
    database: Database,
    renderer: Renderer,
    sender: Sender,
    clock: Clock,
    is_stopping: Callable[[], bool] = lambda: False,
) -> Counter[Outcome]:
    """Deliver until nothing is due, the mail server is unavailable or the run has to stop."""
    outcomes: Counter[Outcome] = Counter()
    while not is_stopping():
        outcome = await deliver_next(database, renderer, sender, clock)
        if outcome is None:
            break
        outcomes[outcome] += 1
        if outcome is Outcome.UNAVAILABLE:
            break
    return outcomes


async def deliver_next(
    database: Database, renderer: Renderer, sender: Sender, clock: Clock
) -> Outcome | None:
    """Deliver the next notice; None if there is none.

    The row is locked until its outcome is committed. A run that ends between the server's answer
    and COMMIT leaves the row unsent: the next run sends a copy with the same Message-ID. So the
    transaction is never repeated within a run.
    """
    async with (
        database.connection(Share.WRITES) as connection,
        connection.transaction(),
    ):
        notice = await outbox.claim_next(connection, clock.now())
        if notice is None:
            return None
        if not notice.is_due:
            await outbox.cancel(connection, notice.key, clock.now())
            return Outcome.CANCELLED
        try:
            await sender.send(renderer.render(notice, clock.now()))
        except MailFailed as error:
            await _postpone(connection, notice, error, clock)
            unavailable = isinstance(error, MailServerUnavailable)
            return Outcome.UNAVAILABLE if unavailable else Outcome.POSTPONED
        await outbox.mark_sent(connection, notice.key, clock.now())
    return Outcome.SENT


async def _postpone(
    connection: asyncpg.Connection, notice: ClaimedNotice, error: MailFailed, clock: Clock
) -> None:
    attempts = notice.attempts + 1
    until = clock.now() + delay_after(attempts)
    reason = str(error).replace("\0", "")[:MAX_ERROR_LENGTH]
    await outbox.postpone(connection, notice.key, until, reason)
    log.warning(
        "the notice is postponed",
        person=notice.key.person,
        kind=notice.key.kind,
        attempts=attempts,
        reason=reason,
    )
