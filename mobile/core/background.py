"""Sending while the app is not on the screen: on pause, and from a background job."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import httpx

from mobile.core.clock import Clock
from mobile.core.database import NewerStore, StoreFull
from mobile.core.network import Unreachable
from mobile.core.session import Session
from mobile.core.settings import AppSettings
from mobile.core.tokens import TokenStore, TokenStoreError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BackgroundResult:
    """`waiting` is the number of changes left; a job with any left should run again."""

    waiting: int = 0
    signed_in: bool = False


async def send_pending(
    settings: AppSettings,
    token_store: TokenStore,
    http: httpx.AsyncClient,
    folder: Path,
    clock: Clock,
    seconds: float,
    access_token: str | None = None,
) -> BackgroundResult:
    """Send what the stored person's outbox holds, for `seconds` at most.

    It opens a connection of its own to the store, so it may run in another thread or process than
    the app: whatever is sent twice has one effect. `access_token` is the app's own if it is still
    valid, so that two renewals do not cross.
    """
    session = Session(settings, token_store, http, folder, clock)
    try:
        await session.restore()
    except (TokenStoreError, NewerStore, StoreFull) as error:
        log.warning("nothing is sent in the background: %s", type(error).__name__)
        return BackgroundResult()
    workspace = session.workspace
    if workspace is None:
        return BackgroundResult()
    try:
        if access_token is not None:
            workspace.tokens.lend(access_token)
        await workspace.engine.flush(seconds)
        waiting, _ = workspace.outbox.counts()
    except Unreachable:
        waiting = 1
    finally:
        await session.close()
    return BackgroundResult(waiting, signed_in=True)
