"""A process stops verifying new tokens for a moment after it has rejected very many."""

from __future__ import annotations

import aiohttp

from libs.service.application import REJECTING_CALLERS
from services.entries.app import create_app
from tests.conftest import service_settings, serving
from tests.support.clock import StandingClock
from tests.support.issuer import Issuer


async def test_a_flood_of_made_up_tokens_is_answered_429_and_known_callers_go_on(
    entries_database: str, issuer: Issuer, session: aiohttp.ClientSession, clock: StandingClock
) -> None:
    settings = service_settings("entries", issuer, entries_database, RATE_LIMIT="1")
    at_once = 2 * REJECTING_CALLERS
    async with serving(create_app(settings), settings, issuer, session, clock) as service:
        known = service.caller("erin")
        assert (await known.get("/v1/projects")).status == 200
        flood = [
            await service.bearer(f"made.up.{number}").get("/v1/projects")
            for number in range(10 * at_once)
        ]
        assert {reply.status for reply in flood[:at_once]} == {401}
        [limited, *_] = [reply for reply in flood if reply.status == 429]
        assert limited.headers["Retry-After"] == "1"
        assert limited.json["status"] == 429
        assert (await known.get("/v1/projects")).status == 200
