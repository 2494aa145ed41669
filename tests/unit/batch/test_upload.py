"""Uploading to a real server that behaves, and to one that does not."""

from __future__ import annotations

import asyncio
import csv
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from batch.identity import Identities
from batch.options import Mode, OnError
from batch.outcome import Exit, Misuse, NotAllowed, Refused, Unreachable
from batch.upload import Timeouts
from tests.support.issuer import Client, Issuer
from tests.unit.batch.conftest import CLIENT, OURS, SECRET, Desk
from tests.unit.batch.service import (
    BatchService,
    answers,
    cut_after_commit,
    cut_at_once,
)

Write = Callable[[str, str], Path]


async def test_rows_arrive_as_they_stand_in_the_file(
    desk: Desk, service: BatchService, hours: Path
) -> None:
    summary = await desk.upload(hours)
    assert summary.report is not None
    assert (summary.exit, summary.report.created, summary.sent) == (Exit.GOOD, 3, 3)
    assert service.entries["a1"] == {
        "external_id": "a1",
        "person": "carl@example.com",
        "date": "2026-11-23",
        "project": "BIG-WEB",
        "minutes": 90,
        "note": "sprint planning",
        "billable": True,
    }
    assert service.entries["a3"]["note"] == 'a "quoted", long 🔥 note'


async def test_the_same_file_twice_changes_nothing(desk: Desk, hours: Path) -> None:
    await desk.upload(hours)
    summary = await desk.upload(hours)
    assert summary.report is not None
    assert (summary.report.created, summary.report.unchanged) == (0, 3)
    assert summary.uploaded is not None
    assert not summary.uploaded.was_replayed


async def test_a_file_that_came_back_is_applied_again(
    desk: Desk, service: BatchService, hours: Path, write: Write
) -> None:
    other = write("other.csv", OURS.replace(",90,", ",60,"))
    await desk.upload(hours)
    await desk.upload(other)
    summary = await desk.upload(hours)
    assert summary.report is not None
    assert (summary.report.updated, service.entries["a1"]["minutes"]) == (1, 90)


async def test_a_refused_file_is_judged_anew_when_it_is_sent_again(
    desk: Desk, service: BatchService, hours: Path
) -> None:
    service.unknown = {"BIG-SHOP"}
    assert (await desk.upload(hours)).exit is Exit.ROWS_FAILED
    service.unknown = set()
    assert (await desk.upload(hours)).exit is Exit.GOOD


@pytest.mark.parametrize("status", [408, 409, 429, 502, 503, 504])
async def test_what_passes_is_waited_for(
    desk: Desk, service: BatchService, hours: Path, status: int
) -> None:
    service.faults.extend([answers(status, **{"Retry-After": "7"}), answers(status)])
    summary = await desk.upload(hours)
    assert summary.exit is Exit.GOOD
    assert desk.pauses[0] == 7
    assert 0 < desk.pauses[1] <= 2
    assert len(set(service.keys)) == 1
    assert len(service.batches) == 1
    assert f"answers {status}: Later." in desk.said.getvalue()


async def test_a_broken_connection_ends_in_one_batch(
    desk: Desk, service: BatchService, hours: Path
) -> None:
    service.faults.extend([cut_at_once, cut_after_commit(service), cut_at_once])
    summary = await desk.upload(hours)
    assert summary.uploaded is not None
    assert (summary.exit, summary.uploaded.was_replayed) == (Exit.GOOD, True)
    assert summary.uploaded.attempts == 4
    assert (len(service.batches), len(set(service.keys))) == (1, 1)


async def test_an_upload_that_was_killed_goes_on_as_the_same_batch(
    desk: Desk, service: BatchService, hours: Path
) -> None:
    taken = asyncio.Event()

    async def never_answers(request: web.Request) -> web.StreamResponse:
        answer = await service.take(request)
        taken.set()
        await asyncio.Event().wait()
        return answer

    service.faults.append(never_answers)
    killed = asyncio.create_task(desk.upload(hours))
    await taken.wait()
    killed.cancel()
    await asyncio.gather(killed, return_exceptions=True)
    summary = await desk.upload(hours)
    assert summary.report is not None
    assert (summary.report.id, summary.report.created) == ("b1", 3)
    assert (len(service.batches), len(set(service.keys))) == (1, 1)
    assert list(desk.journal.directory.iterdir()) == []


async def test_a_journal_that_cannot_be_written_keeps_nobody_from_uploading(
    desk: Desk, hours: Path
) -> None:
    desk.journal = replace(desk.journal, directory=hours / "not a folder")
    assert (await desk.upload(hours)).exit is Exit.GOOD


async def test_a_service_that_says_nothing_is_given_up(
    desk: Desk, service: BatchService, hours: Path
) -> None:
    async def silent(_request: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    service.faults.extend([silent, silent])
    desk.timeouts = Timeouts(connect=0.5, stall=0.5, answer=0.05)
    with pytest.raises(Unreachable, match=r"no answer in time\. Gave up after 2 attempts"):
        await desk.upload(hours, patience=1.5)


async def test_a_service_that_takes_nothing_more_is_given_up(
    desk: Desk, service: BatchService, write: Write
) -> None:
    """The body is larger than what the network holds, and nobody reads it."""

    async def stalled(request: web.Request) -> web.StreamResponse:
        request.protocol.pause_reading()
        await asyncio.Event().wait()
        raise AssertionError

    service.faults.append(stalled)
    desk.timeouts = Timeouts(connect=0.1, stall=0.2, answer=30)
    with pytest.raises(Unreachable, match="no answer in time"):
        await desk.upload(big_file(write), patience=0)


def big_file(write: Write) -> Path:
    """About 8 MB even in gzip."""
    noise = random.Random(1)
    lines = ["external_id,person,date,project,minutes,note\n"]
    for number in range(4000):
        lines.append(f"{number},a@x.test,2026-11-23,WEB,1,{noise.randbytes(2000).hex()}\n")
    return write("big.csv", "".join(lines))


async def test_a_wait_longer_than_patience_is_not_begun(
    desk: Desk, service: BatchService, hours: Path
) -> None:
    service.faults.append(answers(503, **{"Retry-After": "3600"}))
    with pytest.raises(Unreachable, match="503: Later"):
        await desk.upload(hours)
    assert desk.pauses == []


async def test_nobody_there_is_told(desk: Desk, hours: Path) -> None:
    desk.settings = replace(desk.settings, api_url="http://127.0.0.1:9")
    with pytest.raises(Unreachable, match="no connection"):
        await desk.upload(hours, patience=0)


async def test_a_refused_token_is_replaced_once(
    desk: Desk, service: BatchService, tenant: Issuer, hours: Path
) -> None:
    service.faults.append(answers(401))
    assert (await desk.upload(hours)).exit is Exit.GOOD
    assert (tenant.grants, desk.pauses) == (2, [])
    service.faults.extend([answers(401), answers(401, "No.")])
    with pytest.raises(NotAllowed, match="Our token is not taken: No"):
        await desk.upload(hours)


async def test_a_client_without_the_scope_is_told(
    desk: Desk, service: BatchService, hours: Path
) -> None:
    service.faults.append(answers(403, "The scope batch:upload is needed."))
    with pytest.raises(NotAllowed, match=r"batch:upload is needed\. \(request r-1\)"):
        await desk.upload(hours)


async def test_wrong_credentials_are_told_at_once(
    desk: Desk, service: BatchService, tenant: Issuer, hours: Path
) -> None:
    tenant.clients[CLIENT] = Client("another", "batch:upload")
    with pytest.raises(NotAllowed, match="No token for this client: status 401, access_denied"):
        await desk.upload(hours)
    assert service.keys == []


async def test_a_tenant_that_is_away_is_waited_for(desk: Desk, tenant: Issuer, hours: Path) -> None:
    tenant.down = True
    with pytest.raises(Unreachable, match=r"No token was to be had.*Gave up after \d+ attempts"):
        await desk.upload(hours, patience=3)
    tenant.down = False
    assert (await desk.upload(hours)).exit is Exit.GOOD


@pytest.mark.parametrize("status", [400, 413, 415, 422, 500])
async def test_what_will_not_pass_is_told_and_not_repeated(
    desk: Desk, service: BatchService, hours: Path, status: int
) -> None:
    service.faults.append(answers(status, "Not so."))
    with pytest.raises(Refused, match=rf"\({status}\): Not so\. \(request r-1\)"):
        await desk.upload(hours)
    assert len(service.keys) == 1


async def test_a_redirect_is_not_followed(desk: Desk, service: BatchService, hours: Path) -> None:
    service.faults.append(answers(307, Location=f"{service.url}/v1/batches"))
    with pytest.raises(Refused, match="redirects"):
        await desk.upload(hours)
    assert len(service.keys) == 1


async def test_an_answer_that_makes_no_sense_is_told(
    desk: Desk, service: BatchService, hours: Path
) -> None:
    async def login_page(_request: web.Request) -> web.StreamResponse:
        return web.Response(text="<html>Welcome!", content_type="text/html")

    service.faults.append(login_page)
    with pytest.raises(Refused, match="makes no sense"):
        await desk.upload(hours)


MIXED = (
    "external_id,person,date,project,minutes,note\n"
    'x1,a@x.test,2026-11-23,GONE,1,"one\ntwo"\n'
    "x2,a@x.test,2026-11-23,WEB,0,\n"
    "x3,a@x.test,2026-11-23,WEB,2,\n"
    "x4,a@x.test,2026-11-23,GONE,3,=1+1\n"
    "x5,a@x.test,2026-11-23,GONE,4,\n"
)


async def test_the_services_errors_are_told_at_the_lines_of_the_file(
    desk: Desk, service: BatchService, write: Write
) -> None:
    service.unknown = {"GONE"}
    summary = await desk.upload(write("m.csv", MIXED), on_error=OnError.SKIP)
    assert [(it.line, it.field, it.by) for it in summary.refusals.kept] == [
        *((2, "project", "service"), (6, "project", "service"), (7, "project", "service")),
    ]
    assert (summary.exit, list(service.entries)) == (Exit.ROWS_FAILED, ["x3"])


async def test_refused_rows_are_kept_with_their_reasons(
    desk: Desk, service: BatchService, write: Write, tmp_path: Path
) -> None:
    service.unknown = {"GONE"}
    path = write("m.csv", MIXED + "x6,=a@x.test,2026-11-2x,WEB,4,\n")
    await desk.upload(path, on_error=OnError.SKIP, errors=tmp_path / "errors.csv")
    with (tmp_path / "errors.csv").open(encoding="utf-8-sig", newline="") as file:
        kept = list(csv.DictReader(file))
    assert [(row["line"], row["field"]) for row in kept] == [
        *(("8", "date"), ("2", "project"), ("6", "project"), ("7", "project")),
    ]
    assert kept[1]["message"] == "There is no project GONE."
    assert '"note": "one\\ntwo"' in kept[1]["row"]
    assert '"external_id": "x4"' in kept[2]["row"]


async def test_nothing_is_sent_while_a_row_cannot_be_read(
    desk: Desk, service: BatchService, write: Write
) -> None:
    path = write("m.csv", OURS + "a4,a@x.test,yesterday,WEB,1,,,\n")
    summary = await desk.upload(path)
    assert (summary.exit, summary.uploaded, service.keys) == (Exit.ROWS_FAILED, None, [])
    skipped = await desk.upload(path, on_error=OnError.SKIP)
    assert skipped.report is not None
    assert (skipped.exit, skipped.report.created) == (Exit.ROWS_FAILED, 3)


async def test_a_dry_run_tells_of_every_row_and_saves_none(
    desk: Desk, service: BatchService, write: Write
) -> None:
    service.unknown = {"GONE"}
    path = write("m.csv", MIXED + "x6,a@x.test,never,WEB,4,\n")
    summary = await desk.upload(path, mode=Mode.DRY_RUN)
    assert [it.line for it in summary.refusals.kept] == [8, 2, 6, 7]
    assert service.entries == {}
    await desk.upload(path, mode=Mode.DRY_RUN)
    assert len(set(service.keys)) == 2


async def test_a_file_of_zeros_needs_no_batch(
    desk: Desk, service: BatchService, write: Write
) -> None:
    path = write("z.csv", "person,date,project,hours\na@x.test,2026-11-23,WEB,0:00\n")
    summary = await desk.upload(path)
    assert (summary.exit, summary.tally.left_out, service.keys) == (Exit.GOOD, 1, [])


async def test_the_token_is_shown_to_no_other_host(
    desk: Desk, service: BatchService, write: Write
) -> None:
    service.unknown = {"GONE"}
    service.errors_are_at = "https://elsewhere.test/errors"
    summary = await desk.upload(write("m.csv", MIXED))
    assert summary.exit is Exit.ROWS_FAILED
    assert any("on another host" in note for note in summary.notes)


async def test_a_file_that_changes_meanwhile_is_not_sent(
    desk: Desk, service: BatchService, hours: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meddle(_self: Identities) -> None:
        hours.write_text(OURS.replace("a1", "b1"), encoding="utf-8")

    monkeypatch.setattr(Identities, "sort", meddle)
    with pytest.raises(Misuse, match="changed"):
        await desk.upload(hours)
    assert service.keys == []


async def test_no_secret_is_said(desk: Desk, service: BatchService, hours: Path) -> None:
    service.faults.extend([answers(401), cut_at_once, answers(503)])
    await desk.upload(hours)
    said = desk.said.getvalue() + repr(desk.settings)
    assert said.count("Trying again") == 2
    assert SECRET not in said
    assert not any(token.removeprefix("Bearer ") in said for token in service.tokens)
