"""Opens connections to the service and to the issuer of tokens."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp

from batch.retries import Retries
from batch.settings import Settings
from batch.upload import TIMEOUTS, Timeouts, Uploader
from libs.auth import MachineTokens


@asynccontextmanager
async def connect(
    settings: Settings,
    retries: Retries,
    report: Callable[[str], None],
    *,
    sent: Callable[[int], None] = lambda _bytes: None,
    timeouts: Timeouts = TIMEOUTS,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncIterator[Uploader]:
    """An uploader with these settings. For the arguments see `Uploader`."""
    # No total timeout: a long upload is fine as long as it makes progress.
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=timeouts.connect)
    async with aiohttp.ClientSession(timeout=timeout, trust_env=True) as session:
        tokens = MachineTokens(
            session,
            settings.token_url,
            settings.client_id,
            settings.client_secret,
            settings.audience,
        )
        try:
            yield Uploader(
                session,
                tokens,
                settings.api_url,
                retries=retries,
                report=report,
                sent=sent,
                timeouts=timeouts,
                sleep=sleep,
            )
        finally:
            await tokens.close()
