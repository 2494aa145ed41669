"""Projects, entries, weeks, the closed period, and what joins them.

One row of `weeks` is a person's week: its state and the minutes of its seven days. Triggers add
every change of `entries` to it in the same statement, so that this one row is at once the lock
that a submission and an entry contend for, the guard of 24 hours a day, and the totals of a
list. The rules are violations of named constraints; services/entries/store knows the names.
"""

from libs.feed.schema import FEED_V1_DOWN, FEED_V1_UP
from libs.postgres.idempotency import IDEMPOTENCY_KEYS_V1_DOWN, IDEMPOTENCY_KEYS_V1_UP
from libs.postgres.migrate import run_sql

revision = "0001"
down_revision = None

PROJECTS = """
CREATE TABLE projects (
    code       text PRIMARY KEY,
    name       text NOT NULL,
    customer   text NOT NULL,
    active     boolean NOT NULL DEFAULT true,
    billable   boolean NOT NULL DEFAULT true,
    version    integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
"""

# The newest row is in force, the others tell how it came to be. Null: nothing is closed.
PERIODS = """
CREATE TABLE periods (
    number         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    closed_through date,
    actor          text NOT NULL,
    reason         text,
    at             timestamptz NOT NULL DEFAULT now()
);
"""

WEEKS = """
CREATE TABLE weeks (
    person        text NOT NULL,
    monday        date NOT NULL,
    state         text NOT NULL DEFAULT 'open',
    minutes       integer[] NOT NULL DEFAULT '{0, 0, 0, 0, 0, 0, 0}',
    submission_id uuid,
    reason        text,
    version       integer NOT NULL DEFAULT 1,
    updated_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (person, monday),
    CONSTRAINT week_begins_on_monday CHECK (extract(isodow FROM monday) = 1),
    CONSTRAINT week_has_a_known_state CHECK (state IN ('open', 'submitted', 'approved')),
    CONSTRAINT week_names_its_submission CHECK ((state = 'open') = (submission_id IS NULL)),
    CONSTRAINT day_has_24_hours CHECK (1440 >= ALL (minutes))
) WITH (fillfactor = 80);

CREATE TABLE week_history (
    person        text NOT NULL,
    monday        date NOT NULL,
    number        bigint GENERATED ALWAYS AS IDENTITY,
    event         text NOT NULL,
    actor         text NOT NULL,
    reason        text,
    submission_id uuid,
    total_minutes integer NOT NULL,
    at            timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (person, monday, number)
);
"""

# Keys begin with the person: one person's rows lie together, and the same id given by two
# people is two entries, so that nobody learns of another's ids.
ENTRIES = """
CREATE TABLE entries (
    person      text NOT NULL,
    id          uuid NOT NULL,
    date        date NOT NULL,
    monday      date NOT NULL
                GENERATED ALWAYS AS (date - (extract(isodow FROM date)::integer - 1)) STORED,
    project     text NOT NULL REFERENCES projects,
    task        text,
    minutes     integer NOT NULL,
    note        text NOT NULL DEFAULT '',
    billable    boolean NOT NULL,
    source      text NOT NULL,
    external_id text,
    version     integer NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (person, id),
    CONSTRAINT entry_has_sane_minutes CHECK (minutes BETWEEN 1 AND 1440)
);

CREATE INDEX entries_by_day ON entries (person, date, id);
"""

# Writers of entries share this lock; closing a period or retiring a project takes it alone, so
# that no entry is written by rules that have just changed. Statements in PL/pgSQL take a new
# snapshot each, so what follows the lock sees what the last holder committed.
RULES_LOCK = 7_301_001

GUARD = f"""
CREATE FUNCTION refuse_entries(broken_rule text, detail text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'entries break the rule %', broken_rule
        USING ERRCODE = 'check_violation', CONSTRAINT = broken_rule, DETAIL = detail;
END
$$;

CREATE FUNCTION share_rules_lock() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared({RULES_LOCK});
    RETURN NULL;
END
$$;

CREATE TRIGGER entries_share_rules_lock
BEFORE INSERT OR UPDATE OR DELETE ON entries
FOR EACH STATEMENT EXECUTE FUNCTION share_rules_lock();
"""

# One trigger function for each kind of statement, as only then its transition tables exist.
# The upsert locks the weeks in the order of their key, so that writers queue and do not deadlock.
COUNTER = """
CREATE FUNCTION count_{operation}() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    closed date := (SELECT closed_through FROM periods ORDER BY number DESC LIMIT 1);
    touched bigint;
    written bigint;
    retired text;
BEGIN
    IF EXISTS (SELECT FROM ({changes}) AS change WHERE date <= closed) THEN
        PERFORM refuse_entries('period_is_not_closed', closed::text);
    END IF;

    SELECT code INTO retired
    FROM projects JOIN ({projects}) AS used ON used.project = projects.code
    WHERE NOT active LIMIT 1;
    IF retired IS NOT NULL THEN
        PERFORM refuse_entries('project_is_active', retired);
    END IF;

    WITH sums AS (
        SELECT person, monday, ARRAY[
            coalesce(sum(minutes) FILTER (WHERE date = monday), 0),
            coalesce(sum(minutes) FILTER (WHERE date = monday + 1), 0),
            coalesce(sum(minutes) FILTER (WHERE date = monday + 2), 0),
            coalesce(sum(minutes) FILTER (WHERE date = monday + 3), 0),
            coalesce(sum(minutes) FILTER (WHERE date = monday + 4), 0),
            coalesce(sum(minutes) FILTER (WHERE date = monday + 5), 0),
            coalesce(sum(minutes) FILTER (WHERE date = monday + 6), 0)
        ]::integer[] AS minutes
        FROM ({changes}) AS change
        GROUP BY person, monday
    ),
    counted AS (
        INSERT INTO weeks AS week (person, monday, minutes)
        SELECT person, monday, minutes FROM sums ORDER BY person, monday
        ON CONFLICT (person, monday) DO UPDATE
        SET minutes = ARRAY[
                week.minutes[1] + excluded.minutes[1],
                week.minutes[2] + excluded.minutes[2],
                week.minutes[3] + excluded.minutes[3],
                week.minutes[4] + excluded.minutes[4],
                week.minutes[5] + excluded.minutes[5],
                week.minutes[6] + excluded.minutes[6],
                week.minutes[7] + excluded.minutes[7]
            ],
            version = week.version + 1,
            updated_at = now()
        WHERE week.state = 'open'
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM sums), (SELECT count(*) FROM counted) INTO touched, written;
    IF written < touched THEN
        PERFORM refuse_entries('week_is_open', 'submitted or approved');
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER entries_count_{operation}
AFTER {operation} ON entries
REFERENCING {tables}
FOR EACH STATEMENT EXECUTE FUNCTION count_{operation}();
"""

ADDED = "SELECT person, monday, date, minutes FROM added"
REMOVED = "SELECT person, monday, date, -minutes AS minutes FROM removed"
COUNTERS = (
    COUNTER.format(
        operation="insert",
        changes=ADDED,
        projects="SELECT DISTINCT project FROM added",
        tables="NEW TABLE AS added",
    ),
    COUNTER.format(
        operation="update",
        changes=f"{REMOVED} UNION ALL {ADDED}",
        projects="SELECT project FROM added EXCEPT SELECT project FROM removed",
        tables="OLD TABLE AS removed NEW TABLE AS added",
    ),
    COUNTER.format(
        operation="delete",
        changes=REMOVED,
        projects="SELECT NULL::text AS project WHERE false",
        tables="OLD TABLE AS removed",
    ),
)


def upgrade() -> None:
    """Create projects, periods, weeks, entries, their guards and the feed."""
    for statements in (PROJECTS, PERIODS, WEEKS, ENTRIES, GUARD, *COUNTERS):
        run_sql(statements)
    run_sql(IDEMPOTENCY_KEYS_V1_UP)
    run_sql(FEED_V1_UP)


def downgrade() -> None:
    """Drop what `upgrade` created."""
    run_sql(FEED_V1_DOWN)
    run_sql(IDEMPOTENCY_KEYS_V1_DOWN)
    run_sql("DROP TABLE entries, week_history, weeks, periods, projects")
    for operation in ("insert", "update", "delete"):
        run_sql(f"DROP FUNCTION count_{operation}()")
    run_sql("DROP FUNCTION share_rules_lock()")
    run_sql("DROP FUNCTION refuse_entries(text, text)")
