"""From staged rows to entries: who is meant, what breaks a rule, and the upsert.

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

from libs.postgres.errors import TransactionCrossed
from libs.rules.violations import Violation
from services.entries.store.period import RULES_LOCK
from services.entries.store.rules import RULES

# Of two batches of one client the second waits here: it must see what the first has written.
# Keys of two numbers are a space of their own.
LOCK_CLIENT = "SELECT pg_advisory_xact_lock(7301003, hashtext($1))"
SHARE_RULES = f"SELECT pg_advisory_xact_lock_shared({RULES_LOCK})"

# Whom the file means. Only people who list the client are looked at: to anybody else it makes no
# difference whether somebody exists. A sub comes before an e-mail, that before an external id.
RESOLVE_PEOPLE = """
    CREATE TEMPORARY TABLE told_people ON COMMIT DROP AS
    WITH names AS (
        SELECT people.person, name.key, name.rank, name.rank <> 2 AS exact
        FROM people CROSS JOIN LATERAL (
            SELECT people.person AS key, 1 AS rank
            UNION ALL SELECT lower(people.email), 2 WHERE people.email IS NOT NULL
            UNION ALL SELECT value, 3 FROM jsonb_each_text(people.external_ids)
        ) AS name
        WHERE people.uploaders @> ARRAY[$1] AND people.active
    ),
    told AS (SELECT DISTINCT told_person AS told FROM staged_rows),
    keys AS (
        SELECT told, told AS key, true AS exact FROM told
        UNION ALL SELECT told, lower(told), false FROM told
    ),
    matches AS (
        SELECT keys.told, names.person, names.rank,
            min(names.rank) OVER (PARTITION BY keys.told) AS best
        FROM keys JOIN names USING (key, exact)
    )
    SELECT told, min(person) AS person, count(DISTINCT person) AS people
    FROM matches WHERE rank = best
    GROUP BY told
"""

# Each row beside the entry that it changes and the project that it names. A row that says nothing
# of `billable` leaves it as it is, and is as its project has it where something else changes.
PLAN = """
    CREATE TEMPORARY TABLE planned ON COMMIT DROP AS
    SELECT row.line, row.external_id, row.told_person, people.person, row.date,
        row.date - (extract(isodow FROM row.date)::integer - 1) AS monday,
        row.project, row.minutes, row.task, row.note,
        coalesce(row.billable, project.billable) AS billable,
        project.active AS project_active,
        entry.id AS entry_id, entry.person AS entry_person, entry.date AS entry_date,
        entry.monday AS entry_monday, entry.project AS entry_project,
        entry.minutes AS entry_minutes, entry.version AS entry_version,
        coalesce(
            (entry.person, entry.date, entry.project, entry.minutes, entry.note, entry.billable)
                = (people.person, row.date, row.project, row.minutes, row.note,
                   coalesce(row.billable, entry.billable))
            AND entry.task IS NOT DISTINCT FROM row.task,
            false
        ) AS same
    FROM staged_rows AS row
    LEFT JOIN told_people AS people ON people.told = row.told_person AND people.people = 1
    LEFT JOIN projects AS project ON project.code = row.project
    LEFT JOIN entries AS entry ON entry.source = $1 AND entry.external_id = row.external_id
"""
ANALYZE_PLAN = "ANALYZE planned (person, date, monday, entry_id, same)"

LOCK_ENTRIES = """
    WITH locked AS (
        SELECT entry.version = planned.entry_version AS as_planned
        FROM planned
        JOIN entries AS entry
            ON entry.person = planned.entry_person AND entry.id = planned.entry_id
        WHERE NOT planned.same
        ORDER BY entry.person, entry.id
        FOR UPDATE OF entry
    )
    SELECT (SELECT count(*) FROM planned WHERE entry_id IS NOT NULL AND NOT same)
        = (SELECT count(*) FROM locked WHERE as_planned)
"""

TOUCHED_WEEKS = """
    CREATE TEMPORARY TABLE touched_weeks ON COMMIT DROP AS
    SELECT person, monday FROM planned WHERE NOT same AND person IS NOT NULL
    UNION
    SELECT entry_person, entry_monday FROM planned WHERE NOT same AND entry_id IS NOT NULL
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

# Hashes are compared far quicker than texts, and mostly they tell that there is nothing to find.
MAY_REPEAT = """
    SELECT EXISTS (
        SELECT FROM staged_rows GROUP BY hashtextextended(external_id, 0) HAVING count(*) > 1
    )
"""
REFUSE_REPEATED = """
    INSERT INTO staged_errors
    SELECT row.line, 'external_id', 'repeated',
        format('Line %s has this external_id already.', before.line)
    FROM staged_rows AS row
    JOIN (
        SELECT external_id, min(line) AS line FROM staged_rows
        GROUP BY external_id HAVING count(*) > 1
    ) AS before USING (external_id)
    WHERE row.line > before.line
"""

REFUSE_PEOPLE = """
    INSERT INTO staged_errors
    SELECT planned.line, 'person',
        CASE WHEN people.people > 1 THEN 'ambiguous_person' ELSE 'unknown_person' END,
        CASE
            WHEN people.people > 1 THEN format('More than one person is known as %s.', told_person)
            WHEN planned.person IS NULL
                THEN format('Nobody known as %s lets this client upload.', told_person)
            ELSE 'The entry belongs to somebody who does not let this client upload.'
        END
    FROM planned
    LEFT JOIN told_people AS people ON people.told = planned.told_person
    LEFT JOIN people AS owner ON owner.person = planned.entry_person
    WHERE planned.person IS NULL
       OR (planned.entry_person <> planned.person
           AND NOT coalesce(owner.uploaders @> ARRAY[$1], false))
"""

# An entry may stay in a project that has ended, but not come to it.
REFUSE_PROJECTS = """
    INSERT INTO staged_errors
    SELECT line, 'project',
        CASE WHEN project_active IS NULL THEN $1 ELSE $3 END,
        format(CASE WHEN project_active IS NULL THEN $2 ELSE $4 END, project)
    FROM planned
    WHERE NOT same AND project_active IS NOT TRUE
      AND (project_active IS NULL OR entry_project IS DISTINCT FROM project)
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
        LEFT JOIN weeks AS week USING (person, monday)
        LEFT JOIN weeks AS old_week
            ON old_week.person = planned.entry_person AND old_week.monday = planned.entry_monday
        WHERE NOT planned.same
    ) AS found
    JOIN unnest($3::text[], $4::text[], $5::text[]) AS reason (name, code, message)
        ON reason.name = found.reason
"""

_LIVE = "FROM planned WHERE NOT same"

# What a row takes off the day that it adds to. All or nothing: what any row takes off a day makes
# room on it, counted once for the day. Otherwise ($1) only what a row itself takes off does, as
# the others may be refused.
_GONE = """
    CASE WHEN $1 AND entry_person = person AND entry_date = date THEN entry_minutes ELSE 0 END
"""

# The days that would hold more than 24 hours.
FIND_FULL_DAYS = f"""
    CREATE TEMPORARY TABLE full_days ON COMMIT DROP AS
    WITH days AS (
        SELECT person, date, sum(minutes - {_GONE}) AS added {_LIVE} GROUP BY person, date
    ),
    freed AS (
        SELECT entry_person AS person, entry_date AS date, sum(entry_minutes) AS minutes
        {_LIVE} AND NOT $1 AND entry_id IS NOT NULL
        GROUP BY entry_person, entry_date
    )
    SELECT days.person, days.date, held.minutes AS base
    FROM days
    LEFT JOIN weeks AS week
        ON week.person = days.person
        AND week.monday = days.date - (extract(isodow FROM days.date)::integer - 1)
    LEFT JOIN freed ON freed.person = days.person AND freed.date = days.date
    CROSS JOIN LATERAL (
        SELECT (coalesce(week.minutes[extract(isodow FROM days.date)::integer], 0)
            - coalesce(freed.minutes, 0))::integer AS minutes
    ) AS held
    WHERE held.minutes + days.added > $2
"""

# On these days each row in turn, by line.
FIND_OVERFULL = f"""
    CREATE TEMPORARY TABLE overfull ON COMMIT DROP AS
    WITH live AS (SELECT line, person, date, minutes, {_GONE} AS gone {_LIVE}),
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
    JOIN unnest($1::integer[], $2::text[], $3::text[]) AS told (others, code, message)
        USING (others)
"""

LEAVE_OUT = """
    DELETE FROM planned USING staged_errors AS error WHERE error.line = planned.line
"""

COUNT = """
    SELECT count(*) FILTER (WHERE entry_id IS NULL) AS created,
        count(*) FILTER (WHERE entry_id IS NOT NULL AND NOT same) AS updated,
        count(*) FILTER (WHERE same) AS unchanged,
        (SELECT count(DISTINCT line) FROM staged_errors) AS failed
    FROM planned
"""

UPDATE = """
    UPDATE entries AS entry
    SET person = planned.person, date = planned.date, project = planned.project,
        task = planned.task, minutes = planned.minutes, note = planned.note,
        billable = planned.billable, version = entry.version + 1, updated_at = now()
    FROM planned
    WHERE entry.person = planned.entry_person AND entry.id = planned.entry_id
      AND NOT planned.same
"""

# In the order of the key, so that the rows of a person lie together and the indexes grow in order.
# Ids follow from the batch's, which is random (RFC 9562 section 5.8): drawing a million of them
# would take as long as writing an index.
INSERT = """
    INSERT INTO entries
        (person, id, date, project, task, minutes, note, billable, source, external_id)
    SELECT person,
        overlay(overlay(md5($2 || line) PLACING '8' FROM 13) PLACING '8' FROM 17)::uuid,
        date, project, task, minutes, note, billable, $1, external_id
    FROM planned
    WHERE entry_id IS NULL
    ORDER BY person, date, line
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


async def plan(connection: asyncpg.Connection, client: str, source: str) -> None:
    """Find who is meant and which entries change, and note what is wrong with either."""
    await connection.execute(RESOLVE_PEOPLE, client)
    await connection.execute(PLAN, source)
    await connection.execute(ANALYZE_PLAN)
    if await connection.fetchval(MAY_REPEAT):
        await connection.execute(REFUSE_REPEATED)
    await connection.execute(REFUSE_PEOPLE, client)


async def lock_places(connection: asyncpg.Connection) -> None:
    """Lock what will change; raises `TransactionCrossed` where it is not as it was planned."""
    if not await connection.fetchval(LOCK_ENTRIES):
        raise TransactionCrossed("an entry changed meanwhile")
    await connection.execute(TOUCHED_WEEKS)
    await connection.execute(ENSURE_WEEKS)
    await connection.execute(LOCK_WEEKS)


async def check_rules(
    connection: asyncpg.Connection, words: Words, closed_through: date | None, latest: date
) -> None:
    unknown, inactive = words.unknown_project, words.inactive_project
    await connection.execute(
        REFUSE_PROJECTS, unknown.code, unknown.message, inactive.code, inactive.message
    )
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
    await connection.execute(LEAVE_OUT)
    await connection.execute(FIND_FULL_DAYS, skips_errors, maximum)
    if not await connection.fetchval("SELECT EXISTS (SELECT FROM full_days)"):
        return
    await connection.execute(FIND_OVERFULL, skips_errors, maximum)
    found = [row[0] for row in await connection.fetch("SELECT DISTINCT others FROM overfull")]
    told = [tell(others) for others in found]
    codes, messages = [broken.code for broken in told], [broken.message for broken in told]
    await connection.execute(TELL_FULL_DAYS, found, codes, messages)
    await connection.execute(LEAVE_OUT)


async def found_errors(connection: asyncpg.Connection) -> bool:
    """Whether a row is known to be wrong by now."""
    return bool(await connection.fetchval("SELECT EXISTS (SELECT FROM staged_errors)"))


async def count_rows(connection: asyncpg.Connection) -> Counts:
    """What the good rows would do, and how many are not good."""
    return Counts(*await connection.fetchrow(COUNT))


async def write_entries(connection: asyncpg.Connection, source: str, batch: UUID) -> None:
    """Raises `TransactionCrossed` where a rule was broken that the checks had found kept."""
    try:
        await connection.execute(UPDATE)
        await connection.execute(INSERT, source, str(batch))
    except asyncpg.IntegrityConstraintViolationError as error:
        if error.constraint_name not in _RULES:
            raise
        raise TransactionCrossed(error.constraint_name) from error


async def forget_weeks(connection: asyncpg.Connection) -> None:
    """Undo the locking of weeks that nothing was written to."""
    await connection.execute(FORGET_WEEKS)
