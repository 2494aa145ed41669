"""The weeks without a submission, stored so that overdue weeks are read and not computed.

`unsubmitted_weeks` has ranges of weeks that no submission covers and that a person was expected to
submit: one row for each such week before the last that is submitted or off, and one, often without
end, for all weeks after it. So the rows do not change as time passes. Triggers note in
`unsubmitted_changes` whose weeks may have changed, in the transaction of the change (migration
0008). Readers compute the weeks of these people; a job stores them. Both are right in every
snapshot.
"""

from __future__ import annotations

import asyncpg

from services.approvals.store.overdue import COVERED, EXPECTED, LEFT_OPEN, OFF

# Two keys, so that it does not collide with the locks that have one.
TRY_LOCK = "SELECT pg_try_advisory_xact_lock(7301008, 0)"
READ_CHANGED = "SELECT DISTINCT person FROM unsubmitted_changes LIMIT $1"
DELETE_CHANGES = "DELETE FROM unsubmitted_changes WHERE person = ANY ($1::text[])"
DELETE_WEEKS = "DELETE FROM unsubmitted_weeks WHERE person = ANY ($1::text[])"

# The first week that the person was expected to submit, as in EXPECTED, and the last that is
# submitted or off.
BOUNDS = """
    SELECT
        greatest(
            least(person.since, (
                SELECT min(monday) FROM approvals WHERE approvals.person = person.person
            )),
            date_trunc('week', person.first_day)::date
        ) AS first,
        greatest(
            (SELECT max(monday) FROM ({covered}) AS covered),
            (SELECT max(monday) FROM weeks_off WHERE weeks_off.person = person.person),
            '0001-01-01'
        ) AS last
"""

SAVE_WEEKS = f"""
    INSERT INTO unsubmitted_weeks (person, monday, until)
    SELECT person.person, week.monday, week.until
    FROM people AS person
    CROSS JOIN LATERAL ({BOUNDS.format(covered=COVERED)}) AS bounds
    CROSS JOIN LATERAL (
        SELECT each.monday, each.monday
        FROM (
            ((({EXPECTED.format(first="'0001-01-01'", last="bounds.last")}) EXCEPT ({OFF}))
            UNION ({LEFT_OPEN.format(first="'0001-01-01'", last="'infinity'")})) EXCEPT ({COVERED})
        ) AS each (monday)
        UNION ALL
        SELECT after.monday, after.until
        FROM (
            SELECT greatest(bounds.first, bounds.last + 7),
                coalesce(date_trunc('week', person.last_day)::date, 'infinity')
        ) AS after (monday, until)
        WHERE person.active AND after.monday <= after.until
    ) AS week (monday, until)
    WHERE person.person = ANY ($1::text[])
"""


async def store_changed(connection: asyncpg.Connection, at_most: int) -> int:
    """Store the weeks of up to `at_most` people whose weeks changed. Returns how many there were.

    Needs a transaction; does nothing if another one is doing this. A change after the first
    statement is either in what the last one reads, or has a row that is still there.
    """
    if not await connection.fetchval(TRY_LOCK):
        return 0
    people = [person for (person,) in await connection.fetch(READ_CHANGED, at_most)]
    if people:
        for statement in (DELETE_CHANGES, DELETE_WEEKS, SAVE_WEEKS):
            await connection.execute(statement, people)
    return len(people)
