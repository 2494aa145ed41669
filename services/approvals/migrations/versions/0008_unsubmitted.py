"""The weeks without a submission, and a note of the people whose weeks may have changed.

See services/approvals/store/unsubmitted.py.

Additive: the triggers also note what replicas of the release before write. A job stores the weeks
of everybody after the migration; until then they are computed, as before.
"""

from libs.postgres.migrate import run_sql

revision = "0008"
down_revision = "0007"

# A row is the weeks from `monday` to `until`, both Mondays. Writers only append to
# `unsubmitted_changes`, so they never wait for each other.
TABLES = """
CREATE TABLE unsubmitted_weeks (
    person text NOT NULL,
    monday date NOT NULL,
    until  date NOT NULL,
    PRIMARY KEY (person, monday)
);

CREATE INDEX unsubmitted_weeks_by_monday ON unsubmitted_weeks (monday, person) INCLUDE (until);
CREATE INDEX unsubmitted_ranges ON unsubmitted_weeks (monday, person) INCLUDE (until)
    WHERE until > monday;

CREATE TABLE unsubmitted_changes (
    person text NOT NULL
);

CREATE FUNCTION note_unsubmitted_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO unsubmitted_changes VALUES (coalesce(new.person, old.person));
    RETURN NULL;
END
$$;
"""

TRIGGERS = """
CREATE TRIGGER {table}_unsubmitted_{operation}
AFTER {operation} ON {table}
FOR EACH ROW {condition} EXECUTE FUNCTION note_unsubmitted_change();
"""
COVERS = "({0}.state = 'pending' OR ({0}.state = 'approved' AND NOT {0}.reopened))"
CHANGED = {
    "people": "(old.active, old.since, old.first_day, old.last_day) IS DISTINCT FROM "
    "(new.active, new.since, new.first_day, new.last_day)",
    "approvals": "(old.monday, old.total_minutes) <> (new.monday, new.total_minutes) "
    f"OR {COVERS.format('old')} <> {COVERS.format('new')}",
    "left_open_weeks": "old.total_minutes <> new.total_minutes",
    "weeks_off": "old.monday <> new.monday",
}

EVERYBODY = "INSERT INTO unsubmitted_changes SELECT person FROM people"


def upgrade() -> None:
    """Create the tables and triggers, and note everybody as changed."""
    run_sql(TABLES)
    for table, changed in CHANGED.items():
        for operation in ("insert", "update", "delete"):
            condition = f"WHEN ({changed})" if operation == "update" else ""
            run_sql(TRIGGERS.format(table=table, operation=operation, condition=condition))
    run_sql(EVERYBODY)


def downgrade() -> None:
    """Drop the triggers and tables."""
    for table in CHANGED:
        for operation in ("insert", "update", "delete"):
            run_sql(f"DROP TRIGGER {table}_unsubmitted_{operation} ON {table}")
    run_sql("DROP FUNCTION note_unsubmitted_change()")
    run_sql("DROP TABLE unsubmitted_changes, unsubmitted_weeks")
