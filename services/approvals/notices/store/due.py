"""Recording the notices that are due, each once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import asyncpg

from services.approvals.notices.model import DueTime, Kind
from services.approvals.store.overdue import IS_COVERED, IS_OFF

LOOK_BACK = timedelta(days=14)

LIST_ZONES = """
    SELECT DISTINCT time_zone FROM people
    WHERE active AND reminders AND email IS NOT NULL AND time_zone IS NOT NULL
"""

# {day} is a local date. People get no mail after their last day.
MAY_GET_MAIL = """
    person.active AND person.reminders IS TRUE AND person.email IS NOT NULL
    AND (person.last_day IS NULL OR person.last_day >= {day})
"""

DUE = """
    unnest(
        $1::text[], $2::text[]::timestamptz[], $3::text[]::date[], $4::text[]::date[]
    ) AS due (zone, at, day, monday)
"""

# A week that was submitted, decided or reopened since the notice became due is known to the person.
RECORD_UNSUBMITTED = f"""
    INSERT INTO notices (person, kind, fact, week, due_at, next_attempt_at)
    SELECT person.person, $5, due.monday::text, due.monday, due.at, due.at
    FROM {DUE}
    JOIN people AS person ON person.time_zone = due.zone
    CROSS JOIN LATERAL (SELECT due.monday) AS week (monday)
    WHERE {MAY_GET_MAIL.format(day="due.day")}
      AND (person.first_day IS NULL OR person.first_day <= due.monday + 6)
      AND (person.since <= due.monday OR EXISTS (
          SELECT FROM approvals
          WHERE approvals.person = person.person AND approvals.monday <= due.monday
      ))
      AND person.target_minutes IS DISTINCT FROM 0
      AND NOT {IS_COVERED}
      AND NOT {IS_OFF}
      AND NOT EXISTS (
          SELECT FROM approvals JOIN history ON history.submission_id = approvals.id
          WHERE approvals.person = person.person AND approvals.monday = due.monday
            AND history.at > due.at
      )
    ON CONFLICT DO NOTHING
"""

# Once entries has confirmed it: a decision may be void. A person who gets no mail now does not get
# it later either.
RECORD_REJECTED = f"""
    INSERT INTO notices (
        person, kind, fact, week, data, due_at, next_attempt_at, cancelled_at
    )
    SELECT person.person, history.event, history.submission_id || '/' || history.number,
        history.monday, jsonb_build_object('reason', history.reason, 'actor', history.actor),
        history.at, history.at,
        CASE WHEN {MAY_GET_MAIL.format(day="$1::timestamptz::date")} THEN NULL
             ELSE $1::timestamptz END
    FROM history
    JOIN approvals AS approval ON approval.id = history.submission_id
    JOIN people AS person ON person.person = history.person
    WHERE history.event IN ('rejected', 'reopened') AND history.at > $2
      AND history.actor <> history.person
      AND (approval.confirmed OR history.event = 'reopened')
      AND approval.state <> 'withdrawn'
    ON CONFLICT DO NOTHING
"""

# The weeks of the people that an active person decides as manager or as a manager's delegate; as
# TEAM in store/people.py, for everybody at once. It begins with the weeks that wait, which are few.
# `since` is when the oldest was submitted. Weeks submitted later in the day wait for the next
# morning.
RECORD_WAITING = f"""
    WITH waiting AS MATERIALIZED (
        SELECT member.manager, member.person, approval.submitted_at
        FROM approvals AS approval JOIN people AS member ON member.person = approval.person
        WHERE approval.state = 'pending' AND member.person <> member.manager
    ),
    deciding AS MATERIALIZED (
        SELECT manager, manager AS person, NULL::date AS first_day, NULL::date AS last_day
        FROM waiting
        UNION
        SELECT manager.person, manager.delegate, manager.delegate_from, manager.delegate_to
        FROM waiting JOIN people AS manager ON manager.person = waiting.manager
        WHERE manager.active AND manager.delegate <> manager.person
    )
    INSERT INTO notices (person, kind, fact, data, due_at, next_attempt_at)
    SELECT person.person, $5, due.day::text,
        jsonb_build_object('weeks', count(*), 'since', min(waiting.submitted_at)),
        due.at, due.at
    FROM deciding
    JOIN people AS person ON person.person = deciding.person
    JOIN {DUE} ON due.zone = person.time_zone
        AND (deciding.first_day IS NULL OR due.day BETWEEN deciding.first_day AND deciding.last_day)
    CROSS JOIN LATERAL (SELECT due.monday) AS week (monday)
    JOIN waiting ON waiting.manager = deciding.manager AND waiting.person <> person.person
        AND waiting.submitted_at <= due.at
    WHERE {MAY_GET_MAIL.format(day="due.day")} AND NOT {IS_OFF}
    GROUP BY person.person, due.day, due.at
    ON CONFLICT DO NOTHING
"""


async def list_zones(connection: asyncpg.Connection) -> list[str]:
    """The time zones of the people who get mail."""
    return [zone for (zone,) in await connection.fetch(LIST_ZONES)]


async def record_unsubmitted(
    connection: asyncpg.Connection, kind: Kind, times: Sequence[DueTime]
) -> None:
    """Record a notice for everybody whose week is not submitted."""
    await connection.execute(RECORD_UNSUBMITTED, *arguments(times, kind))


async def record_waiting(connection: asyncpg.Connection, times: Sequence[DueTime]) -> None:
    """Record a notice for everybody for whose decision weeks wait."""
    await connection.execute(RECORD_WAITING, *arguments(times, Kind.WEEKS_WAITING))


async def record_rejected(connection: asyncpg.Connection, now: datetime) -> None:
    """Record a notice for each rejection and each reopening of the last 14 days."""
    await connection.execute(RECORD_REJECTED, now, now - LOOK_BACK)


def arguments(times: Iterable[DueTime], kind: Kind) -> tuple[object, ...]:
    """The arguments of the statements about due times of a kind."""
    rows = [
        (each.zone, each.at.isoformat(), str(each.day), str(each.week.monday)) for each in times
    ]
    return (*map(list, zip(*rows, strict=True)), kind)
