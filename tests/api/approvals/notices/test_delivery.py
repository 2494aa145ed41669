"""Each notice reaches the mail server once, whatever happens to the run or the server."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import Counter
from email.message import EmailMessage
from pathlib import Path

import asyncpg
import pytest

from libs.web.app import Clock
from services.approvals.notices.commands.delivery import Outcome
from services.approvals.notices.model import delay_after
from tests.api.approvals.notices.conftest import Notices, Staff, environment
from tests.support.mail import ACCEPTED, MailServer, accept

ROOT = Path(__file__).parents[4]
DUE = "2026-11-27T15:00"


def message_ids(mail: MailServer) -> list[str]:
    return [message["Message-ID"] for message in mail.inbox]


@pytest.fixture
async def crowd(staff: Staff) -> list[str]:
    keys = [f"person{number}" for number in range(12)]
    for key in keys:
        await staff.add(key)
    return keys


async def test_parallel_runs_send_each_notice_once(notices: Notices, crowd: list[str]) -> None:
    notices.at(DUE)
    outcomes = await asyncio.gather(*(notices.run() for _ in range(4)))
    assert sum(outcomes, Counter()) == {Outcome.SENT: len(crowd)}
    assert len(set(message_ids(notices.mail))) == len(notices.mail.inbox) == len(crowd)


async def test_an_outage_delays_and_neither_loses_nor_repeats(
    notices: Notices, crowd: list[str]
) -> None:
    await notices.mail.stop()
    notices.at(DUE)
    for _ in range(3):
        assert await notices.run() == {Outcome.UNAVAILABLE: 1}
        notices.clock.move(minutes=15)
    await notices.mail.start()
    await notices.run()
    notices.clock.move(minutes=15)
    await notices.run()
    assert len(set(message_ids(notices.mail))) == len(notices.mail.inbox) == len(crowd)


async def test_an_outage_in_the_middle_of_a_run_repeats_nothing(
    notices: Notices, crowd: list[str]
) -> None:
    async def fail_after_three(_message: EmailMessage) -> str:
        if len(notices.mail.inbox) < 3:
            return ACCEPTED
        return "421 closing"

    notices.mail.answer = fail_after_three
    notices.at(DUE)
    await notices.run()
    assert len(notices.mail.inbox) == 3
    notices.mail.answer = accept
    notices.clock.move(minutes=15)
    await notices.run()
    assert len(set(message_ids(notices.mail))) == len(notices.mail.inbox) == len(crowd)


async def test_a_refused_recipient_holds_up_nobody_else_and_is_tried_again(
    notices: Notices, crowd: list[str], connection: asyncpg.Connection
) -> None:
    async def refuse_one(message: EmailMessage) -> str:
        return "550 no such user" if "person3" in message["To"] else ACCEPTED

    notices.mail.answer = refuse_one
    notices.at(DUE)
    assert await notices.run() == {Outcome.SENT: len(crowd) - 1, Outcome.POSTPONED: 1}
    assert await notices.run() == {}
    attempts, error = await connection.fetchrow(
        "SELECT attempts, last_error FROM notices WHERE sent_at IS NULL"
    )
    assert attempts == 1
    assert "550" in error
    notices.mail.answer = accept
    notices.clock.move(minutes=15)
    assert await notices.run() == {Outcome.SENT: 1}


async def test_a_late_reminder_is_not_sent_once_the_week_is_submitted(
    notices: Notices, staff: Staff
) -> None:
    await staff.add("erin")
    await notices.mail.stop()
    notices.at(DUE)
    await notices.run()
    await staff.neighbours.submitted("erin", week="2026-W48")
    await notices.mail.start()
    notices.clock.move(hours=1)
    assert await notices.run() == {Outcome.CANCELLED: 1}
    assert notices.mail.inbox == []


async def test_a_person_who_turned_reminders_off_meanwhile_gets_no_mail(
    notices: Notices, staff: Staff
) -> None:
    await staff.add("erin")
    await notices.mail.stop()
    notices.at(DUE)
    await notices.run()
    await staff.add("erin", reminders=False)
    await notices.mail.start()
    notices.clock.move(hours=1)
    assert await notices.run() == {Outcome.CANCELLED: 1}


def test_delays_double_up_to_six_hours() -> None:
    minutes = [delay_after(attempts).total_seconds() / 60 for attempts in (1, 2, 3, 4, 30)]
    assert minutes == [1, 2, 4, 8, 360]


async def test_a_run_killed_before_the_answer_leaves_the_notice_to_the_next(
    notices: Notices, staff: Staff, approvals_database: str
) -> None:
    arrived, never = asyncio.Event(), asyncio.Event()

    async def hang(_message: EmailMessage) -> str:
        arrived.set()
        await never.wait()
        return ACCEPTED

    await _reject_now(notices, staff)
    notices.mail.answer = hang
    process = await _start_job(approvals_database, notices.mail)
    await arrived.wait()
    await _kill(process)
    notices.mail.answer = accept
    assert await _run_job(approvals_database, notices.mail) == 0
    assert len(notices.mail.inbox) == 1


async def test_a_run_killed_between_answer_and_commit_sends_a_copy_with_the_same_id(
    notices: Notices, staff: Staff, approvals_database: str, connection: asyncpg.Connection
) -> None:
    await _reject_now(notices, staff)
    # The update after the answer waits for this lock, so the kill always comes between the two.
    await connection.execute("SELECT pg_advisory_lock(42)")
    await connection.execute(
        """
        CREATE FUNCTION wait_for_test() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN PERFORM pg_advisory_xact_lock_shared(42); RETURN NEW; END $$;
        CREATE TRIGGER wait_for_test BEFORE UPDATE ON notices
        FOR EACH ROW EXECUTE FUNCTION wait_for_test();
        """
    )
    try:
        process = await _start_job(approvals_database, notices.mail)
        while not await connection.fetchval(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        ):
            await asyncio.sleep(0.01)
        await _kill(process)
    finally:
        # The server would notice only later that the killed job is gone, and keep its locks.
        await connection.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_locks"
            " WHERE locktype = 'advisory' AND NOT granted"
        )
        await connection.execute("DROP TRIGGER wait_for_test ON notices")
        await connection.execute("DROP FUNCTION wait_for_test()")
        await connection.execute("SELECT pg_advisory_unlock(42)")
    assert len(notices.mail.inbox) == 1
    assert await _run_job(approvals_database, notices.mail) == 0
    first, copy = message_ids(notices.mail)
    assert first == copy
    assert await _run_job(approvals_database, notices.mail) == 0
    assert len(notices.mail.inbox) == 2


async def test_the_job_fails_while_the_mail_server_is_down(
    notices: Notices, staff: Staff, approvals_database: str
) -> None:
    await _reject_now(notices, staff)
    await notices.mail.stop()
    assert await _run_job(approvals_database, notices.mail) == 1


async def _reject_now(notices: Notices, staff: Staff) -> None:
    """A rejection a minute ago in real time, by which the processes go."""
    await staff.add("erin", time_zone="UTC", target_minutes=0)
    notices.clock.time = Clock().now()
    notices.clock.move(minutes=-1)
    await staff.rejected("erin", "2026-W40")


async def _start_job(database_url: str, mail: MailServer) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.approvals", "notify"),
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment(database_url, mail.url)},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )


async def _run_job(database_url: str, mail: MailServer) -> int:
    return await (await _start_job(database_url, mail)).wait()


async def _kill(process: asyncio.subprocess.Process) -> None:
    process.send_signal(signal.SIGKILL)
    await process.wait()
