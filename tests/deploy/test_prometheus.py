"""Prometheus itself: it takes the rules, tries them, and reads the services with them."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from dev.ports import free_port
from tests.deploy.monitoring import NAMESPACE, RULE_TESTS, RULES, alerts, queries, rules
from tests.deploy.tools import tool
from tests.support.fleet import FOLLOWS, NAMES, Fleet
from tests.support.issuer import Issuer

pytestmark = pytest.mark.deploy

PACKAGE = "Debian: apt-get install prometheus"
GRACE_SECONDS = 60.0
# These are missing here: the cluster, its gateway and its certificates.
ABSENT = ("kube", "traefik_", "certmanager_")
# Panels that stay empty while nothing goes wrong.
QUIET = {
    "Unhandled errors",
    "Rounds that failed",
    "Since the last backup",
    "Transactions retried",
    # The portal does not run here: tests/portal/test_failures.py reads its metrics.
    "Own time of pages, 99th percentile",
    "Renewals of tokens, by outcome",
}


def promtool(*arguments: str | Path) -> None:
    done = subprocess.run(
        [tool("promtool", PACKAGE), *map(str, arguments)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_rules_are_well_formed() -> None:
    promtool("check", "rules", RULES)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("path", RULE_TESTS, ids=lambda path: path.stem)
def test_each_alert_fires_when_it_should_and_is_quiet_otherwise(path: Path) -> None:
    promtool("test", "rules", path)


@dataclass(frozen=True, slots=True)
class Prometheus:
    url: str
    session: aiohttp.ClientSession

    async def ask(self, path: str, **parameters: str) -> Any:
        async with self.session.get(f"{self.url}/api/v1/{path}", params=parameters) as response:
            answer = await response.json()
            assert answer["status"] == "success", answer
            return answer["data"]

    async def query(self, expression: str) -> list[Any]:
        found: list[Any] = (await self.ask("query", query=expression))["result"]
        return found

    async def until(self, expression: str, number: int | None = None) -> None:
        """Wait until so many series answer; without a number, until any does."""
        try:
            async with asyncio.timeout(GRACE_SECONDS):
                while len(found := await self.query(expression)) != (number or max(1, len(found))):
                    await asyncio.sleep(0.2)
        except TimeoutError:
            pytest.fail(f"{expression} is not answered")


@pytest.fixture
async def prometheus(
    fleet: Fleet, session: aiohttp.ClientSession, tmp_path: Path
) -> AsyncIterator[Prometheus]:
    """It scrapes the admin ports each second and loads the rules."""
    program, address = tool("prometheus", PACKAGE), f"127.0.0.1:{free_port()}"
    configuration = tmp_path / "prometheus.yml"
    configuration.write_text(
        yaml.safe_dump(
            {
                "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
                "rule_files": [str(RULES)],
                "scrape_configs": [
                    {
                        "job_name": name,
                        "static_configs": [
                            {
                                "targets": [fleet.admin_address(name)],
                                "labels": {"namespace": NAMESPACE},
                            }
                        ],
                    }
                    for name in NAMES
                ],
            }
        )
    )
    with (tmp_path / "prometheus.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            program,
            f"--config.file={configuration}",
            f"--storage.tsdb.path={tmp_path / 'series'}",
            f"--web.listen-address={address}",
            stdout=log,
            stderr=log,
        )
    started = Prometheus(f"http://{address}", session)
    try:
        async with asyncio.timeout(GRACE_SECONDS):
            while not await _is_ready(started):
                await asyncio.sleep(0.1)
        yield started
    finally:
        process.kill()
        await process.wait()


async def _is_ready(prometheus: Prometheus) -> bool:
    with suppress(aiohttp.ClientError):
        async with prometheus.session.get(f"{prometheus.url}/-/ready") as response:
            return response.status == 200
    return False


@pytest.mark.timeout(300)
async def test_prometheus_reads_the_services_and_every_rule_and_panel_works(
    fleet: Fleet, prometheus: Prometheus, issuer: Issuer
) -> None:
    await prometheus.until("up == 1", len(NAMES))
    await _work(fleet, issuer)
    await prometheus.until("timesheets_feed_lag_seconds", len(FOLLOWS))
    await prometheus.until('rate(timesheets_entries_logged_total{source="app"}[1m]) > 0', 1)

    groups = (await prometheus.ask("rules"))["groups"]
    loaded = [rule for group in groups for rule in group["rules"]]
    assert len(loaded) == len(rules())
    assert {rule["health"] for rule in loaded} == {"ok"}
    assert await prometheus.query('ALERTS{alertstate="firing"}') == []

    for title, expression in queries():
        if title not in QUIET and not any(name in expression for name in ABSENT):
            await prometheus.until(expression)


async def test_an_alert_reaches_prometheus_when_a_service_dies(
    fleet: Fleet, prometheus: Prometheus
) -> None:
    await prometheus.until("up == 1", len(NAMES))
    await fleet.kill("profile")
    await prometheus.until('ALERTS{alertname="ServiceDown",job="profile",alertstate="pending"}', 1)
    assert "ServiceDown" in alerts()


async def _work(fleet: Fleet, issuer: Issuer) -> None:
    """Hours are logged, a week is submitted, a file is uploaded, and a token is no token."""
    erin = fleet.caller("entries", "erin")
    for path, body in (
        ("/v1/entries", {"date": "2026-11-02", "project": "APOLLO", "minutes": 60}),
        ("/v1/timesheets/2026-W45/submit", None),
    ):
        assert (await erin.post(path, body)).status in (200, 201)
    agency = fleet.bearer("entries", issuer.machine_token("agency", "batch:upload"))
    file = {"Content-Type": "text/csv", "Idempotency-Key": "1"}
    header = b"external_id,person,date,project,minutes\n"
    sent = await agency.post("/v1/batches", data=header, headers=file)
    assert sent.status == 201, sent.json
    for name in NAMES:
        assert (await fleet.bearer(name, "none").get(f"/v1/{name}")).status == 401
    await fleet.drained()
