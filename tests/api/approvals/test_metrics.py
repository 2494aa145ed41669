"""The metrics of the weeks that wait."""

from __future__ import annotations

import asyncio

import aiohttp

from services.approvals.app import create_app
from tests.api.approvals.conftest import Neighbours
from tests.conftest import service_settings, serving
from tests.support.clock import StandingClock
from tests.support.issuer import Issuer


async def test_prometheus_learns_how_many_wait_and_for_how_long(
    company: Neighbours,
    approvals_database: str,
    issuer: Issuer,
    session: aiohttp.ClientSession,
    clock: StandingClock,
) -> None:
    await company.submitted("erin")
    withdrawn = await company.submitted("carl")
    await company.submitted("ethan")
    await company.entries("timesheet.withdrawn", withdrawn)
    clock.move(hours=3)
    settings = service_settings("approvals", issuer, approvals_database)
    async with serving(create_app(settings), settings, issuer, session, clock) as service:
        async with asyncio.timeout(10):
            while await service.metric("timesheets_approvals_waiting") != 2:
                await asyncio.sleep(0.01)
        oldest = await service.metric("timesheets_approvals_oldest_waiting_seconds")
    assert oldest == 3 * 3600 + 2
