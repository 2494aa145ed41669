"""From a plan to entries: what breaks a rule, and the upsert.

All of it is done with sets, within one transaction. What is locked is locked in this order, each
in the order of its key, so that batches and people who write at once queue and do not deadlock:
the client, the rules, the entries that change, the weeks they lie in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import asyncpg

from libs.postgres.errors import ConcurrentUpdate
from libs.postgres.transactions import retry_on_violation
from libs.rules.violations import Violation
from services.entries.store.period import RULES_LOCK
from services.entries.store.planning import found_errors, sum_up
from services.entries.store.rules import RULES

# Of two batches of one client the second waits here: it must see what the first has written.
# Keys of two numbers are a space of their own.
LOCK_CLIENT = "SELECT pg_advisory_xact_lock(7301003, hashtext($1))"
SHARE_RULES = f"SELECT pg_advisory_xact_lock_shared({RULES_LOCK})"

LOCK_ENTRIES = """
    WITH locked AS (
        SELECT entry.version = changed.entry_version AS as_planned
        FROM changed
        JOIN entries AS entry
            ON entry.person = changed.entry_person AND entry.id = changed.entry_id
        ORDER BY entry.person, entry.id
        FOR UPDATE OF entry
    )
    SELECT (SELECT count(*) FROM changed) = (SELECT count(*) FROM locked WHERE as_planned)
"""

ENSURE_WEEKS = """
    INSERT INTO weeks (person, monday, version)
    SELECT person, monday, 0 FROM touched_weeks ORDER BY person, monday
    ON CONFLICT (person, monday) DO NOTHING
"""
LOCK_WEEKS = """
    WITH locked AS (
        SELECT FROM weeks JOIN touched_weeks USING (person, monday)
        ORDER BY person, monday FOR UPDATE OF weeks
    )
    SELECT count(*) FROM locked
"""
# A week that nothing was written to after all is as if it had never been touched.
FORGET_WEEKS = """
    DELETE FROM weeks USING touched_weeks AS touched
    WHERE weeks.person = touched.person AND weeks.monday = touched.monday AND weeks.version = 0
"""

# An entry may stay in a project that has ended, but not come to it.
MAY_REFUSE_PROJECTS = "SELECT EXISTS (SELECT FROM planned_days WHERE doubts_project)"
REFUSE_PROJECTS = """
    INSERT INTO staged_errors
    SELECT line, 'project',
        CASE WHEN project_active IS NULL THEN $1 ELSE $3 END,
        format(CASE WHEN project_active IS NULL THEN $2 ELSE $4 END, project)
    FROM planned
    WHERE NOT same AND project_active IS NOT TRUE
      AND (project_active IS NULL OR entry_project IS DISTINCT FROM project)
"""

# Of a large file mostly no row has anything to do with a lock or a limit.
MAY_REFUSE_DATES = """
    SELECT EXISTS (
        SELECT FROM weeks JOIN touched_weeks USING (person, monday) WHERE state <> 'open'
    ) OR EXISTS (
        SELECT FROM planned_days WHERE created + updated > 0 AND (date <= $1 OR date > $2)
    ) OR EXISTS (SELECT FROM changed WHERE entry_date <= $1)
"""
# One reason a row: the state of the week is the nearest, as in the model.
REFUSE_DATES = """
    INSERT INTO staged_errors
    SELECT found.line, 'date', reason.code, reason.message
    FROM (
        SELECT planned.line, CASE
            WHEN 'approved' IN (week.state, old_week.state) THEN 'approved'
            WHEN 'submitted' IN (week.state, old_week.state) THEN 'submitted'
            WHEN planned.entry_date <= $1 THEN 'locked'
            WHEN planned.date <= $1 THEN 'closed'
            WHEN planned.date > $2 THEN 'too_far_ahead'
        END AS reason
        FROM planned
        LEFT JOIN weeks AS week
            ON week.person = planned.person
            AND week.monday = planned.date - (extract(isodow FROM planned.date)::integer - 1)
        LEFT JOIN weeks AS old_week
            ON old_week.person = planned.entry_person AND old_week.monday = planned.entry_monday
        WHERE NOT planned.same
    ) AS found
    JOIN unnest($3::text[], $4::text[], $5::text[]) AS reason (name, code, message)
        ON reason.name = found.reason
"""

# The days that would hold more than 24 hours. All or nothing: what any row takes off a day makes
# room on it. Otherwise ($1) only what a row itself takes off the day that it adds to does, as the
# others may be refused.
FIND_FULL_DAYS = """
    CREATE TEMPORARY TABLE full_days ON COMMIT DROP AS
    WITH freed AS (
        SELECT entry_person AS person, entry_date AS date, sum(entry_minutes) AS by_all,
            sum(entry_minutes) FILTER (
                WHERE entry_person = person AND entry_date = date
            ) AS by_its_own
        FROM changed
        GROUP BY entry_person, entry_date
    )
    SELECT days.person, days.date, held.minutes AS base
    FROM planned_days AS days
    LEFT JOIN weeks AS week USING (person, monday)
    LEFT JOIN freed ON freed.person = days.person AND freed.date = days.date
    CROSS JOIN LATERAL (
        SELECT (coalesce(week.minutes[extract(isodow FROM days.date)::integer], 0)
            - CASE WHEN $1 THEN 0 ELSE coalesce(freed.by_all, 0) END)::integer AS minutes,
            days.minutes - CASE WHEN $1 THEN coalesce(freed.by_its_own, 0) ELSE 0 END AS added
    ) AS held
    WHERE days.created + days.updated > 0 AND held.minutes + held.added > $2
"""

# On these days each row in turn, by line.
FIND_OVERFULL = """
    CREATE TEMPORARY TABLE overfull ON COMMIT DROP AS
    WITH live AS (
        SELECT line, person, date, minutes,
            CASE
                WHEN $1 AND entry_person = person AND entry_date = date THEN entry_minutes
                ELSE 0
            END AS gone
        FROM planned
        WHERE NOT same
    ),
    filled AS (
        SELECT live.*, base, filled_day(base, gone, minutes) OVER by_line AS after
        FROM live JOIN full_days USING (person, date)
        WINDOW by_line AS (PARTITION BY person, date ORDER BY line)
    ),
    steps AS (
        SELECT line, minutes, gone, coalesce(lag(after) OVER by_line, base) - gone AS others
        FROM filled
        WINDOW by_line AS (PARTITION BY person, date ORDER BY line)
    )
    SELECT line, others FROM steps WHERE minutes > gone AND others + minutes > $2
"""
TELL_FULL_DAYS = """
    INSERT INTO staged_errors
    SELECT overfull.line, 'minutes', told.code, told.message
    FROM overfull
    JOIN unnest($1::text[]::integer[], $2::text[], $3::text[]) AS told (others, code, message)
        USING (others)
"""

LEAVE_OUT = (
    "DELETE FROM planned USING staged_errors AS error WHERE error.line = planned.line",
    "DELETE FROM changed USING staged_errors AS error WHERE error.line = changed.line",
)

COUNT = """
    SELECT coalesce(sum(created), 0)::integer, coalesce(sum(updated), 0)::integer,
        coalesce(sum(unchanged), 0)::integer,
        (SELECT count(DISTINCT line) FROM staged_errors)::integer
    FROM planned_days
"""

UPDATE = """
    UPDATE entries AS entry
    SET person = changed.person, date = changed.date, project = changed.project,
        task = changed.task, minutes = changed.minutes, note = changed.note,
        billable = changed.billable, version = entry.version + 1, updated_at = now()
    FROM changed
    WHERE entry.person = changed.entry_person AND entry.id = changed.entry_id
"""

# An id is the batch's, which is random, with the line for its last digits (RFC 9562 section 5.8):
# drawing a million takes as long as writing an index, and in order they go quicker into theirs.
INSERT = """
    INSERT INTO entries
        (person, id, date, project, task, minutes, note, billable, source, external_id)
    SELECT person, ($2 || lpad(to_hex(line), 8, '0'))::uuid,
        date, project, task, minutes, note, billable, $1, external_id
    FROM planned
    WHERE entry_id IS NULL
"""
# A million rows in any order take two fifths longer to write than in that of the keys, and a sort
# takes a sixth of the time: it is not worth it where the rows of a day are near each other anyway.
INSERT_SORTED = f"{INSERT} ORDER BY person, date, line"
IS_SCATTERED = """
    SELECT coalesce(sum(span) > 2 * sum(created + updated + unchanged), false) FROM planned_days
"""

_RULES = RULES | {"entries_by_external_id"}


@dataclass(frozen=True, slots=True)
class Counts:
    created: int
    updated: int
    unchanged: int
    failed: int


@dataclass(frozen=True, slots=True)
class Words:
    """The model's words for what the statements find; `%s` stands for the project's code."""

    unknown_project: Violation
    inactive_project: Violation
    dates: Mapping[str, tuple[str, str]]
    """The code and the message for each reason that `REFUSE_DATES` knows."""


async def lock_client(connection: asyncpg.Connection, client: str) -> None:
    """Wait until no other batch of the client is being written."""
    await connection.execute(LOCK_CLIENT, client)


async def share_rules(connection: asyncpg.Connection) -> None:
    """Keep the closed period and the projects as they are until the transaction ends."""
    await connection.execute(SHARE_RULES)


async def lock_places(connection: asyncpg.Connection) -> None:
    """Lock what will change; raises `ConcurrentUpdate` where it is not as it was planned."""
    if not await connection.fetchval(LOCK_ENTRIES):
        raise ConcurrentUpdate("an entry changed meanwhile")
    await connection.execute(ENSURE_WEEKS)
    await connection.execute(LOCK_WEEKS)


async def check_rules(
    connection: asyncpg.Connection, words: Words, closed_through: date | None, latest: date
) -> None:
    unknown, inactive = words.unknown_project, words.inactive_project
    if await connection.fetchval(MAY_REFUSE_PROJECTS):
        await connection.execute(
            REFUSE_PROJECTS, unknown.code, unknown.message, inactive.code, inactive.message
        )
    if not await connection.fetchval(MAY_REFUSE_DATES, closed_through, latest):
        return
    codes = [code for code, _ in words.dates.values()]
    messages = [message for _, message in words.dates.values()]
    await connection.execute(
        REFUSE_DATES, closed_through, latest, list(words.dates), codes, messages
    )


async def check_days(
    connection: asyncpg.Connection,
    maximum: int,
    tell: Callable[[int], Violation],
    *,
    skips_errors: bool,
) -> None:
    """Look at the rows that are good in themselves; `tell` says what is wrong with a day that
    holds so many minutes already."""
    await _leave_out(connection)
    await connection.execute(FIND_FULL_DAYS, skips_errors, maximum)
    if not await connection.fetchval("SELECT EXISTS (SELECT FROM full_days)"):
        return
    await connection.execute(FIND_OVERFULL, skips_errors, maximum)
    found = [row[0] for row in await connection.fetch("SELECT DISTINCT others FROM overfull")]
    told = [tell(others) for others in found]
    codes, messages = [broken.code for broken in told], [broken.message for broken in told]
    await connection.execute(TELL_FULL_DAYS, list(map(str, found)), codes, messages)
    await _leave_out(connection)


async def _leave_out(connection: asyncpg.Connection) -> None:
    """Forget the rows that are known to be wrong."""
    if not await found_errors(connection):
        return
    for statement in LEAVE_OUT:
        await connection.execute(statement)
    await sum_up(connection)


async def count_rows(connection: asyncpg.Connection) -> Counts:
    """What the good rows would do, and how many are not good."""
    return Counts(*await connection.fetchrow(COUNT))


async def write_entries(connection: asyncpg.Connection, source: str, batch: UUID) -> None:
    """Raises `ConcurrentUpdate` where a rule was broken that the checks had found kept."""
    digits = batch.hex
    with retry_on_violation(_RULES):
        await connection.execute(UPDATE)
        scattered = await connection.fetchval(IS_SCATTERED)
        insert = INSERT_SORTED if scattered else INSERT
        await connection.execute(insert, source, f"{digits[:12]}8{digits[13:24]}")


async def forget_weeks(connection: asyncpg.Connection) -> None:
    """Undo the locking of weeks that nothing was written to."""
    await connection.execute(FORGET_WEEKS)
