"""The notices that are not sent yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import asyncpg
import msgspec

from services.approvals.notices.model import Kind, NoticeKey
from services.approvals.notices.store.due import MAY_GET_MAIL
from services.approvals.store.overdue import IS_COVERED, IS_OFF

# The row stays locked until the transaction ends; other runs skip it. It is chosen before anything
# is joined: when thousands become due at once, statistics say that there are few, and the planner
# may join and sort all of them for each. `holds` is whether the notice still says what is true.
# A zone may lag behind UTC, hence the day before.
CLAIM = f"""
    WITH claimed AS MATERIALIZED (
        SELECT * FROM notices
        WHERE sent_at IS NULL AND cancelled_at IS NULL AND next_attempt_at <= $1
        ORDER BY next_attempt_at, person, kind, fact
        LIMIT 1
        FOR UPDATE SKIP LOCKED
    )
    SELECT notice.person, notice.kind, notice.fact, notice.week, notice.data::text,
        notice.due_at, notice.attempts,
        person.name, person.email, person.locale, person.time_zone, actor.name AS actor_name,
        coalesce({MAY_GET_MAIL.format(day="$1::timestamptz::date - 1")}, false) AS may_get_mail,
        notice.kind NOT IN ('week_due', 'week_overdue')
            OR NOT ({IS_COVERED} OR {IS_OFF}) AS holds
    FROM claimed AS notice
    CROSS JOIN LATERAL (SELECT notice.week) AS week (monday)
    LEFT JOIN people AS person ON person.person = notice.person
    LEFT JOIN people AS actor ON actor.person = notice.data ->> 'actor'
"""

THIS = "person = $1 AND kind = $2 AND fact = $3"
MARK_SENT = f"UPDATE notices SET sent_at = $4, attempts = attempts + 1 WHERE {THIS}"
CANCEL = f"UPDATE notices SET cancelled_at = $4 WHERE {THIS}"
POSTPONE = f"""
    UPDATE notices SET attempts = attempts + 1, next_attempt_at = $4, last_error = $5
    WHERE {THIS}
"""

COUNT_STUCK = """
    SELECT count(*) FROM notices
    WHERE sent_at IS NULL AND cancelled_at IS NULL AND due_at < $1
"""

DELETE_OLD = "DELETE FROM notices WHERE due_at < $1"


@dataclass(frozen=True, slots=True)
class ClaimedNotice:
    """A notice to be sent, with its recipient as known now.

    `is_due` is false if it must not be sent any more: the recipient gets no mail, or the week has
    been submitted.
    """

    key: NoticeKey
    week: date | None
    data: Mapping[str, Any]
    due_at: datetime
    attempts: int
    is_due: bool
    name: str
    email: str
    locale: str
    time_zone: str
    actor_name: str | None


async def claim_next(connection: asyncpg.Connection, now: datetime) -> ClaimedNotice | None:
    """Lock the notice that waits longest and that no other run holds."""
    record = await connection.fetchrow(CLAIM, now)
    if record is None:
        return None
    return ClaimedNotice(
        key=NoticeKey(record["person"], Kind(record["kind"]), record["fact"]),
        week=record["week"],
        data=msgspec.json.decode(record["data"]),
        due_at=record["due_at"],
        attempts=record["attempts"],
        is_due=record["may_get_mail"] and record["holds"],
        name=record["name"] or "",
        email=record["email"] or "",
        locale=record["locale"] or "",
        time_zone=record["time_zone"] or "UTC",
        actor_name=record["actor_name"],
    )


async def mark_sent(connection: asyncpg.Connection, key: NoticeKey, now: datetime) -> None:
    """Record that the mail server has accepted the notice."""
    await connection.execute(MARK_SENT, key.person, key.kind, key.fact, now)


async def cancel(connection: asyncpg.Connection, key: NoticeKey, now: datetime) -> None:
    """Record that the notice is no longer due."""
    await connection.execute(CANCEL, key.person, key.kind, key.fact, now)


async def postpone(
    connection: asyncpg.Connection, key: NoticeKey, until: datetime, error: str
) -> None:
    """Record a failed try and when to try again."""
    await connection.execute(POSTPONE, key.person, key.kind, key.fact, until, error)


async def count_stuck(connection: asyncpg.Connection, due_before: datetime) -> int:
    """Count the notices that were due before this moment and are neither sent nor cancelled."""
    number: int = await connection.fetchval(COUNT_STUCK, due_before)
    return number


async def delete_old(connection: asyncpg.Connection, due_before: datetime) -> None:
    """Delete the notices that were due before this time."""
    await connection.execute(DELETE_OLD, due_before)
