"""Indexes of reports: decisions of weeks in the feed, and people who have left."""

from libs.postgres.migrate import run_sql

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Create the indexes."""
    run_sql("""
        CREATE INDEX events_of_decisions ON events (sequence)
            WHERE type IN ('timesheet.approved', 'timesheet.reopened');
        CREATE INDEX people_of_all_by_name ON people (name, person);
        CREATE INDEX people_of_all_by_manager ON people (manager, name, person);
    """)


def downgrade() -> None:
    """Drop the indexes."""
    run_sql("""
        DROP INDEX people_of_all_by_manager;
        DROP INDEX people_of_all_by_name;
        DROP INDEX events_of_decisions;
    """)
