"""Sending in the background: in a thread on pause, and as the process of a WorkManager job."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from pathlib import Path

from mobile.core.background import BackgroundResult, send_pending
from mobile.core.clock import Clock
from mobile.core.network import make_client
from mobile.core.settings import AppSettings
from mobile.core.tokens import TokenStore

log = logging.getLogger(__name__)

# Android gives an app some seconds after it has left the screen.
PAUSE_SECONDS = 8.0
# A job may take longer, but not for ever.
JOB_SECONDS = 45.0


def send_in_thread(
    settings: AppSettings, token_store: TokenStore, folder: Path, access_token: str | None
) -> threading.Thread:
    """Kivy blocks the loop's thread while the app is paused, so another one sends."""

    def run() -> None:
        try:
            asyncio.run(
                _send(settings, token_store, folder, PAUSE_SECONDS, access_token=access_token)
            )
        except Exception:
            log.exception("sending on pause failed")

    thread = threading.Thread(target=run, name="send-on-pause", daemon=True)
    thread.start()
    return thread


async def _send(
    settings: AppSettings,
    token_store: TokenStore,
    folder: Path,
    seconds: float,
    access_token: str | None = None,
) -> BackgroundResult:
    async with make_client() as http:
        return await send_pending(
            settings, token_store, http, folder, Clock(), seconds, access_token
        )


def run_job(token_store: TokenStore, folder: Path) -> BackgroundResult:
    """The job's process."""
    settings = AppSettings.read(os.environ)
    result = asyncio.run(_send(settings, token_store, folder, JOB_SECONDS))
    log.info("background job: %s changes left", result.waiting)
    return result
