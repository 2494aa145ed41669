"""The time of pages without the API, under load: `make endurance`, or pytest -m endurance."""

from __future__ import annotations

import asyncio
import re

import aiohttp
import pytest

from tests.portal.client import PortalClient
from tests.support.stack import Running

pytestmark = pytest.mark.endurance

RATE = 50
SECONDS = 20
BUDGET_SECONDS = "0.015"
SERIES = re.compile(
    r'timesheets_portal_page_own_seconds_bucket\{le="([^"]+)",route="/weeks/\{week\}"\} (\S+)'
)


async def buckets(http: aiohttp.ClientSession, admin: str) -> dict[str, float]:
    async with http.get(f"{admin}/metrics") as response:
        return {le: float(count) for le, count in SERIES.findall(await response.text())}


async def test_the_week_page_takes_its_own_time_within_the_budget(
    client: PortalClient, stack: Running, session: aiohttp.ClientSession
) -> None:
    page = await client.sign_in("erin", "/weeks")
    admin = stack.addresses.admin["portal"]
    before = await buckets(session, admin)
    began = asyncio.get_running_loop().time()
    tasks = []
    for number in range(RATE * SECONDS):
        # By the clock and not by the answers, so that a slow one does not slow the next.
        await asyncio.sleep(began + number / RATE - asyncio.get_running_loop().time())
        tasks.append(asyncio.create_task(client.request("GET", page.url)))
    assert {page.status for page in await asyncio.gather(*tasks)} == {200}
    after = await buckets(session, admin)
    counted = {le: after[le] - before.get(le, 0.0) for le in after}
    shares = {le: count / counted["+Inf"] for le, count in counted.items()}
    print({le: round(share, 4) for le, share in shares.items()})
    assert shares[BUDGET_SECONDS] >= 0.99
