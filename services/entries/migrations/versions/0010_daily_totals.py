"""The summary that totals are read from: minutes of everybody by day, and what changed since.

Writers only append to `total_changes`, so they never wait for each other. A job adds the
changes to `daily_totals` and, once, what was there before (services/entries/reports/store/
summary.py); until then totals are read from the entries. So this migration writes no rows, and
holds its locks for as long as it takes to create triggers.
"""

from libs.postgres.migrate import run_sql

revision = "0010"
down_revision = "0009"

# `grain` is GROUPING(project, task, employer): columns with a set bit are not distinguished and
# are empty. An entry counts in each grain. Tasks and employers that are null are empty too.
TABLES = """
CREATE TABLE daily_totals (
    grain    smallint NOT NULL,
    date     date NOT NULL,
    project  text NOT NULL,
    task     text NOT NULL,
    employer text NOT NULL,
    billable boolean NOT NULL,
    state    text NOT NULL,
    minutes  integer NOT NULL,
    entries  integer NOT NULL,
    PRIMARY KEY (grain, date, project, task, employer, billable, state)
);

CREATE INDEX daily_totals_without_entries ON daily_totals (grain) WHERE entries = 0;

CREATE TABLE total_changes (
    date     date NOT NULL,
    project  text NOT NULL,
    task     text NOT NULL,
    employer text NOT NULL,
    billable boolean NOT NULL,
    state    text NOT NULL,
    minutes  integer NOT NULL,
    entries  integer NOT NULL
);

CREATE TABLE daily_totals_filled (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    at       timestamptz NOT NULL DEFAULT now()
);
"""

# Entries change in open weeks only. Each statement runs under the shared rules lock, which a
# change of an employer takes alone (EMPLOYERS).
ENTRIES = """
CREATE FUNCTION total_{operation}() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO total_changes
        (date, project, task, employer, billable, state, minutes, entries)
    SELECT date, project, coalesce(task, ''), coalesce(people.employer, ''), billable, 'open',
        sum(minutes), sum(entries)
    FROM ({changes}) AS change LEFT JOIN people USING (person)
    GROUP BY date, project, coalesce(task, ''), coalesce(people.employer, ''), billable
    HAVING sum(minutes) <> 0 OR sum(entries) <> 0;
    RETURN NULL;
END
$$;

CREATE TRIGGER entries_total_{operation}
AFTER {operation} ON entries
REFERENCING {tables}
FOR EACH STATEMENT EXECUTE FUNCTION total_{operation}();
"""
COLUMNS = "person, date, project, task, billable"
ADDED = f"SELECT {COLUMNS}, minutes, 1 AS entries FROM added"
REMOVED = f"SELECT {COLUMNS}, -minutes AS minutes, -1 AS entries FROM removed"
OPERATIONS = {
    "insert": (ADDED, "NEW TABLE AS added"),
    "update": (f"{REMOVED} UNION ALL {ADDED}", "OLD TABLE AS removed NEW TABLE AS added"),
    "delete": (REMOVED, "OLD TABLE AS removed"),
}

# The entries of a week move from one state to the other. They cannot change meanwhile,
# because writing an entry locks the row of the week.
WEEKS = """
CREATE FUNCTION total_state() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    before text := CASE WHEN tg_op = 'UPDATE' THEN old.state ELSE 'open' END;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(7301001);
    INSERT INTO total_changes
        (date, project, task, employer, billable, state, minutes, entries)
    SELECT date, project, coalesce(task, ''), coalesce(people.employer, ''), billable, moved.state,
        moved.sign * sum(minutes), moved.sign * count(*)
    FROM entries LEFT JOIN people USING (person)
    CROSS JOIN (VALUES (before, -1), (new.state, 1)) AS moved (state, sign)
    WHERE person = new.person AND date BETWEEN new.monday AND new.monday + 6
    GROUP BY date, project, coalesce(task, ''), coalesce(people.employer, ''), billable,
        moved.state, moved.sign;
    RETURN NULL;
END
$$;

CREATE TRIGGER weeks_total_new_state
AFTER INSERT ON weeks
FOR EACH ROW WHEN (new.state <> 'open') EXECUTE FUNCTION total_state();

CREATE TRIGGER weeks_total_state
AFTER UPDATE OF state ON weeks
FOR EACH ROW WHEN (old.state <> new.state) EXECUTE FUNCTION total_state();
"""

# Everything that a person ever entered moves to the new employer. The service takes the lock
# before, without making others wait (services/entries/store/people.py).
EMPLOYERS = """
CREATE FUNCTION total_employer() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    before text := CASE WHEN tg_op = 'UPDATE' THEN coalesce(old.employer, '') ELSE '' END;
BEGIN
    PERFORM pg_advisory_xact_lock(7301001);
    INSERT INTO total_changes
        (date, project, task, employer, billable, state, minutes, entries)
    SELECT date, project, coalesce(task, ''), moved.employer, billable,
        coalesce(week.state, 'open'), moved.sign * sum(entries.minutes), moved.sign * count(*)
    FROM entries LEFT JOIN weeks AS week USING (person, monday)
    CROSS JOIN (VALUES (before, -1), (coalesce(new.employer, ''), 1)) AS moved (employer, sign)
    WHERE person = new.person
    GROUP BY date, project, coalesce(task, ''), moved.employer, billable,
        coalesce(week.state, 'open'), moved.sign;
    RETURN NULL;
END
$$;

CREATE TRIGGER people_total_new_employer
AFTER INSERT ON people
FOR EACH ROW WHEN (new.employer <> '') EXECUTE FUNCTION total_employer();

CREATE TRIGGER people_total_employer
AFTER UPDATE OF employer ON people
FOR EACH ROW WHEN (coalesce(old.employer, '') <> coalesce(new.employer, ''))
EXECUTE FUNCTION total_employer();
"""


def upgrade() -> None:
    """Create the tables and the triggers that note each change."""
    run_sql(TABLES)
    for operation, (changes, tables) in OPERATIONS.items():
        run_sql(ENTRIES.format(operation=operation, changes=changes, tables=tables))
    run_sql(WEEKS)
    run_sql(EMPLOYERS)


def downgrade() -> None:
    """Drop the triggers and the tables."""
    run_sql("""
        DROP TRIGGER people_total_employer ON people;
        DROP TRIGGER people_total_new_employer ON people;
        DROP TRIGGER weeks_total_state ON weeks;
        DROP TRIGGER weeks_total_new_state ON weeks;
        DROP TRIGGER entries_total_insert ON entries;
        DROP TRIGGER entries_total_update ON entries;
        DROP TRIGGER entries_total_delete ON entries;
        DROP FUNCTION total_employer();
        DROP FUNCTION total_state();
        DROP FUNCTION total_insert();
        DROP FUNCTION total_update();
        DROP FUNCTION total_delete();
        DROP TABLE daily_totals_filled, total_changes, daily_totals;
    """)
