"""One trace leads from a request through the feeds of all services."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.client import MANAGER
from tests.support.fleet import Fleet
from tests.support.issuer import Issuer

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACED = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
WEEK = "2026-W40"


class Receiver:
    """Takes spans by OTLP over HTTP, and keeps (service, name) of those of one trace."""

    def __init__(self) -> None:
        self.spans: set[tuple[str, str]] = set()
        self._arrived = asyncio.Condition()

    async def receive(self, request: web.Request) -> web.Response:
        message = ExportTraceServiceRequest.FromString(await request.read())
        async with self._arrived:
            for resource in message.resource_spans:
                names = {item.key: item.value.string_value for item in resource.resource.attributes}
                for scope in resource.scope_spans:
                    self.spans |= {
                        (names["service.name"], span.name)
                        for span in scope.spans
                        if span.trace_id.hex() == TRACE
                    }
            self._arrived.notify_all()
        return web.Response()

    async def wait_for(self, expected: set[tuple[str, str]]) -> None:
        async with asyncio.timeout(30), self._arrived:
            await self._arrived.wait_for(lambda: expected <= self.spans)


@pytest.fixture
async def receiver() -> AsyncIterator[tuple[Receiver, str]]:
    made = Receiver()
    app = web.Application(client_max_size=2**24)
    app.router.add_post("/v1/traces", made.receive)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    yield made, f"http://{host}:{port}"
    await runner.cleanup()


@pytest.fixture
async def traced_fleet(
    urls: dict[str, str],
    issuer: Issuer,
    session: aiohttp.ClientSession,
    tmp_path: Path,
    receiver: tuple[Receiver, str],
) -> AsyncIterator[Fleet]:
    settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver[1], "OTEL_BSP_SCHEDULE_DELAY": "100"}
    made = Fleet(urls, issuer, session, tmp_path / "fleet.log", STEP_UP_MAX_AGE="off", **settings)
    try:
        await made.start()
        yield made
    finally:
        await made.stop()


async def test_the_stages_of_an_upload_are_spans_and_its_duration_has_an_exemplar(
    traced_fleet: Fleet,
    receiver: tuple[Receiver, str],
    issuer: Issuer,
    session: aiohttp.ClientSession,
) -> None:
    agency = traced_fleet.bearer("entries", issuer.machine_token("agency", "batch:upload"))
    file = b"external_id,person,date,project,minutes\n1,auth0|erin,2026-09-28,APOLLO,60\n"
    headers = TRACED | {"Content-Type": "text/csv", "Idempotency-Key": "1"}
    sent = await agency.post("/v1/batches?on_error=skip", data=file, headers=headers)
    assert sent.status == 201, sent.body
    stages = (
        *("read and stage rows", "merge rows", "plan changes", "check rules"),
        *("write entries", "POST /v1/batches"),
    )
    await receiver[0].wait_for({("entries", stage) for stage in stages})

    async with session.get(
        f"http://{traced_fleet.admin_address('entries')}/metrics",
        headers={"Accept": "application/openmetrics-text;version=1.0.0"},
    ) as response:
        lines = (await response.text()).splitlines()
    durations = [
        line for line in lines if 'POST",route="/v1/batches"' in line and "_bucket" in line
    ]
    assert any(f'# {{trace_id="{TRACE}"}}' in line for line in durations)


async def test_a_submission_and_its_decision_are_one_trace_through_three_services(
    traced_fleet: Fleet, receiver: tuple[Receiver, str]
) -> None:
    fleet, (spans, _) = traced_fleet, receiver
    ada = fleet.administrator("profile")
    person = {"name": "Erin", "manager": "auth0|maya", "kind": "employee", "active": True}
    maya = {"name": "Maya", "kind": "employee", "active": True}
    saved = await ada.put("/v1/people/auth0%7Cmaya", maya)
    assert saved.status in (200, 201), saved.body
    saved = await ada.put("/v1/people/auth0%7Cerin", person, headers=TRACED)
    assert saved.status in (200, 201), saved.body
    await spans.wait_for(
        {("approvals", "apply person.changed"), ("entries", "apply person.changed")}
    )

    erin, manager = fleet.caller("entries", "erin"), fleet.caller("approvals", "maya", MANAGER)
    submitted = await erin.post(f"/v1/timesheets/{WEEK}/submit", headers=TRACED)
    assert submitted.status == 200, submitted.body
    await spans.wait_for({("approvals", "apply timesheet.submitted")})
    [approval] = (await manager.get("/v1/approvals")).json["items"]
    decision = {"decision": "approve"}
    path = f"/v1/approvals/{approval['id']}/decision"
    decided = await manager.put(path, decision, headers=TRACED)
    assert decided.status == 200, decided.body

    await spans.wait_for(
        {
            ("profile", "PUT /v1/people/{sub}"),
            ("entries", "POST /v1/timesheets/{week}/submit"),
            ("entries", "SQL"),
            ("approvals", "PUT /v1/approvals/{id}/decision"),
            ("approvals", "SQL"),
            ("entries", "apply approval.decided"),
        }
    )
