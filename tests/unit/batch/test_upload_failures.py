"""Failures of the network, the service and the issuer during an upload."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from batch.errors import AccessDenied, ExitCode, Rejected, Unreachable
from batch.upload import Timeouts
from tests.support.issuer import Client, Issuer
from tests.unit.batch.conftest import BATCH, CLIENT, Runner
from tests.unit.batch.converting import Write
from tests.unit.batch.service import (
    BatchService,
    cut_after_commit,
    cut_at_once,
    responds,
)


@pytest.mark.parametrize("status", [408, 409, 429, 502, 503, 504])
async def test_a_transient_failure_is_retried(
    runner: Runner, service: BatchService, hours: Path, status: int
) -> None:
    service.faults.extend([responds(status, **{"Retry-After": "7"}), responds(status)])
    summary = await runner.upload(hours)
    assert summary.exit_code is ExitCode.OK
    assert runner.delays[0] == 7
    assert 0 < runner.delays[1] <= 2
    assert len(set(service.keys)) == 1
    assert len(service.batches) == 1
    assert f"responded {status}: Later." in runner.log.getvalue()


async def test_a_broken_connection_ends_in_one_batch(
    runner: Runner, service: BatchService, hours: Path
) -> None:
    service.faults.extend([cut_at_once, cut_after_commit(service), cut_at_once])
    summary = await runner.upload(hours)
    assert summary.result is not None
    assert (summary.exit_code, summary.result.was_replayed) == (ExitCode.OK, True)
    assert summary.result.attempts == 4
    assert (len(service.batches), len(set(service.keys))) == (1, 1)


async def test_a_killed_upload_is_resumed_as_the_same_batch(
    runner: Runner, service: BatchService, hours: Path
) -> None:
    accepted = asyncio.Event()

    async def never_responds(request: web.Request) -> web.StreamResponse:
        response = await service.accept(request)
        accepted.set()
        await asyncio.Event().wait()
        return response

    service.faults.append(never_responds)
    killed = asyncio.create_task(runner.upload(hours))
    await accepted.wait()
    killed.cancel()
    await asyncio.gather(killed, return_exceptions=True)
    summary = await runner.upload(hours)
    assert summary.report is not None
    assert (summary.report.id, summary.report.created) == (BATCH, 3)
    assert (len(service.batches), len(set(service.keys))) == (1, 1)
    assert list(runner.journal.directory.iterdir()) == []


async def test_a_service_that_never_responds_is_given_up(
    runner: Runner, service: BatchService, hours: Path
) -> None:
    async def silent(_request: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    service.faults.extend([silent, silent])
    runner.timeouts = Timeouts(connect=0.5, stall=0.5, response=0.05)
    with pytest.raises(Unreachable, match=r"no response in time\. Gave up after 2 attempts"):
        await runner.upload(hours, retry_for=1.5)


async def test_a_service_that_stops_reading_is_given_up(
    runner: Runner, service: BatchService, write: Write
) -> None:
    """The body is larger than the network's buffers, and the service does not read it."""

    async def stalled(request: web.Request) -> web.StreamResponse:
        request.protocol.pause_reading()
        await asyncio.Event().wait()
        raise AssertionError

    service.faults.append(stalled)
    runner.timeouts = Timeouts(connect=0.1, stall=0.2, response=30)
    with pytest.raises(Unreachable, match="no response in time"):
        await runner.upload(big_file(write), retry_for=0)


def big_file(write: Write) -> Path:
    """About 8 MB even in gzip."""
    noise = random.Random(1)
    lines = ["external_id,person,date,project,minutes,note\n"]
    for number in range(4000):
        lines.append(f"{number},a@x.test,2026-11-23,WEB,1,{noise.randbytes(2000).hex()}\n")
    return write("big.csv", "".join(lines))


async def test_a_delay_beyond_the_limit_is_not_started(
    runner: Runner, service: BatchService, hours: Path
) -> None:
    service.faults.append(responds(503, **{"Retry-After": "3600"}))
    with pytest.raises(Unreachable, match="503: Later"):
        await runner.upload(hours)
    assert runner.delays == []


async def test_a_failed_connection_is_reported(runner: Runner, hours: Path) -> None:
    runner.settings = replace(runner.settings, api_url="http://127.0.0.1:9")
    with pytest.raises(Unreachable, match="no connection"):
        await runner.upload(hours, retry_for=0)


async def test_a_rejected_token_is_replaced_once(
    runner: Runner, service: BatchService, tenant: Issuer, hours: Path
) -> None:
    service.faults.append(responds(401))
    assert (await runner.upload(hours)).exit_code is ExitCode.OK
    assert (tenant.grants, runner.delays) == (2, [])
    service.faults.extend([responds(401), responds(401, "No.")])
    with pytest.raises(AccessDenied, match="The service rejects our token: No"):
        await runner.upload(hours)


async def test_a_missing_scope_is_reported(
    runner: Runner, service: BatchService, hours: Path
) -> None:
    service.faults.append(responds(403, "The scope batch:upload is needed."))
    with pytest.raises(AccessDenied, match=r"batch:upload is needed\. \(request r-1\)"):
        await runner.upload(hours)


async def test_wrong_credentials_are_reported_at_once(
    runner: Runner, service: BatchService, tenant: Issuer, hours: Path
) -> None:
    tenant.clients[CLIENT] = Client("another", "batch:upload")
    with pytest.raises(
        AccessDenied, match="The issuer denied a token to this client: status 401, access_denied"
    ):
        await runner.upload(hours)
    assert service.keys == []


async def test_an_unavailable_issuer_is_retried(
    runner: Runner, tenant: Issuer, hours: Path
) -> None:
    tenant.down = True
    with pytest.raises(
        Unreachable, match=r"The issuer could not be reached.*Gave up after \d+ attempts"
    ):
        await runner.upload(hours, retry_for=3)
    tenant.down = False
    assert (await runner.upload(hours)).exit_code is ExitCode.OK


@pytest.mark.parametrize("status", [400, 413, 415, 422, 500])
async def test_a_permanent_failure_is_not_retried(
    runner: Runner, service: BatchService, hours: Path, status: int
) -> None:
    service.faults.append(responds(status, "Not so."))
    with pytest.raises(Rejected, match=rf"\({status}\): Not so\. \(request r-1\)"):
        await runner.upload(hours)
    assert len(service.keys) == 1


async def test_a_redirect_is_not_followed(
    runner: Runner, service: BatchService, hours: Path
) -> None:
    service.faults.append(responds(307, Location=f"{service.url}/v1/batches"))
    with pytest.raises(Rejected, match="redirects"):
        await runner.upload(hours)
    assert len(service.keys) == 1


async def test_an_unexpected_response_is_reported(
    runner: Runner, service: BatchService, hours: Path
) -> None:
    async def login_page(_request: web.Request) -> web.StreamResponse:
        return web.Response(text="<html>Welcome!", content_type="text/html")

    service.faults.append(login_page)
    with pytest.raises(Rejected, match="unexpected response"):
        await runner.upload(hours)
