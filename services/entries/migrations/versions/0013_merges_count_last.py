"""A merge counts its entries last, so that it holds the rules and the weeks for a moment only.

While `timesheets.counting` is 'deferred', the triggers that check and count each statement do not
run. Others collect the changes in temporary tables, which services/entries/batches/store/
counting.py adds to the weeks and the summary at the end of the transaction, under the locks.
"""

from libs.postgres.migrate import run_sql

revision = "0013"
down_revision = "0012"

ALWAYS = ""
UNLESS_DEFERRED = "WHEN (current_setting('timesheets.counting', true) IS DISTINCT FROM 'deferred')"
IF_DEFERRED = "WHEN (current_setting('timesheets.counting', true) = 'deferred')"

ADDED, REMOVED = "NEW TABLE AS added", "OLD TABLE AS removed"
TABLES = {"insert": ADDED, "update": f"{REMOVED} {ADDED}", "delete": REMOVED}

# The triggers of 0001, 0004 and 0010; {when} decides whether they run.
TRIGGERS = (
    """
    CREATE OR REPLACE TRIGGER entries_share_rules_lock
    BEFORE INSERT OR UPDATE OR DELETE ON entries
    FOR EACH STATEMENT {when} EXECUTE FUNCTION share_rules_lock()
    """,
    f"""
    CREATE OR REPLACE TRIGGER entries_keep_ended_projects
    AFTER UPDATE ON entries REFERENCING {REMOVED} {ADDED}
    FOR EACH STATEMENT {{when}} EXECUTE FUNCTION keep_ended_projects()
    """,
    *(
        f"""
        CREATE OR REPLACE TRIGGER entries_{function}_{operation}
        AFTER {operation} ON entries REFERENCING {tables}
        FOR EACH STATEMENT {{when}} EXECUTE FUNCTION {function}_{operation}()
        """
        for operation, tables in TABLES.items()
        for function in ("count", "total")
    ),
)

# The employers are remembered, because totals are by employer and that may change until the end.
COLLECTOR = """
CREATE FUNCTION collect_{operation}() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO pg_temp.merged_weeks (person, monday, minutes)
    SELECT person, monday, ARRAY[
        coalesce(sum(minutes) FILTER (WHERE date = monday), 0),
        coalesce(sum(minutes) FILTER (WHERE date = monday + 1), 0),
        coalesce(sum(minutes) FILTER (WHERE date = monday + 2), 0),
        coalesce(sum(minutes) FILTER (WHERE date = monday + 3), 0),
        coalesce(sum(minutes) FILTER (WHERE date = monday + 4), 0),
        coalesce(sum(minutes) FILTER (WHERE date = monday + 5), 0),
        coalesce(sum(minutes) FILTER (WHERE date = monday + 6), 0)
    ]
    FROM ({changes}) AS change
    GROUP BY person, monday;

    INSERT INTO pg_temp.merged_people (person, employer)
    SELECT DISTINCT person, coalesce(people.employer, '')
    FROM pg_temp.merged_weeks LEFT JOIN people USING (person)
    ON CONFLICT (person) DO NOTHING;

    INSERT INTO pg_temp.merged_totals (date, project, task, employer, billable, minutes, entries)
    SELECT date, project, coalesce(task, ''), employer, billable, sum(minutes), sum(entries)
    FROM ({changes}) AS change JOIN pg_temp.merged_people USING (person)
    GROUP BY date, project, coalesce(task, ''), employer, billable;
    RETURN NULL;
END
$$;

CREATE TRIGGER entries_collect_{operation}
AFTER {operation} ON entries REFERENCING {tables}
FOR EACH STATEMENT {when} EXECUTE FUNCTION collect_{operation}();
"""
COLUMNS = "person, monday, date, project, task, billable"
FROM_ADDED = f"SELECT {COLUMNS}, minutes, 1 AS entries FROM added"
FROM_REMOVED = f"SELECT {COLUMNS}, -minutes AS minutes, -1 AS entries FROM removed"
CHANGES = {
    "insert": FROM_ADDED,
    "update": f"{FROM_REMOVED} UNION ALL {FROM_ADDED}",
    "delete": FROM_REMOVED,
}


def upgrade() -> None:
    """Let the triggers of rows step aside during a merge, and add those that collect."""
    for trigger in TRIGGERS:
        run_sql(trigger.format(when=UNLESS_DEFERRED))
    for operation, changes in CHANGES.items():
        tables = TABLES[operation]
        run_sql(
            COLLECTOR.format(operation=operation, changes=changes, tables=tables, when=IF_DEFERRED)
        )


def downgrade() -> None:
    """Drop the triggers that collect, and count row by row again."""
    for operation in CHANGES:
        run_sql(f"DROP TRIGGER entries_collect_{operation} ON entries")
        run_sql(f"DROP FUNCTION collect_{operation}()")
    for trigger in TRIGGERS:
        run_sql(trigger.format(when=ALWAYS))
