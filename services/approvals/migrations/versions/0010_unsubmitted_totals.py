"""The number of people of each range of weeks without a submission.

Overdue weeks are counted from as many rows as there are weeks, and not people.
Triggers keep it in the transaction that stores the ranges, which one job at a time does.
"""

from libs.postgres.migrate import run_sql

revision = "0010"
down_revision = "0009"

TABLE = """
CREATE TABLE unsubmitted_totals (
    monday date NOT NULL,
    until  date NOT NULL,
    people integer NOT NULL,
    PRIMARY KEY (monday, until)
);
"""

COUNT = """
CREATE FUNCTION count_unsubmitted_{operation}() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO unsubmitted_totals AS total (monday, until, people)
    SELECT monday, until, {sign} count(*) FROM changed GROUP BY monday, until ORDER BY monday, until
    ON CONFLICT (monday, until) DO UPDATE SET people = total.people + excluded.people;
    DELETE FROM unsubmitted_totals WHERE people = 0;
    RETURN NULL;
END
$$;

CREATE TRIGGER unsubmitted_weeks_count_{operation}
AFTER {operation} ON unsubmitted_weeks
REFERENCING {table} TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION count_unsubmitted_{operation}();
"""
OPERATIONS = {"insert": ("", "NEW"), "delete": ("-", "OLD")}

# Creating the triggers has locked the table against the job.
FILL = """
    INSERT INTO unsubmitted_totals (monday, until, people)
    SELECT monday, until, count(*) FROM unsubmitted_weeks GROUP BY monday, until
"""


def upgrade() -> None:
    """Create the table and triggers, and count what there is."""
    run_sql(TABLE)
    for operation, (sign, table) in OPERATIONS.items():
        run_sql(COUNT.format(operation=operation, sign=sign, table=table))
    run_sql(FILL)


def downgrade() -> None:
    """Drop the triggers and the table."""
    for operation in OPERATIONS:
        run_sql(f"DROP TRIGGER unsubmitted_weeks_count_{operation} ON unsubmitted_weeks")
        run_sql(f"DROP FUNCTION count_unsubmitted_{operation}()")
    run_sql("DROP TABLE unsubmitted_totals")
