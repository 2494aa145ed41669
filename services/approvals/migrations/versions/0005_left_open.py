"""Open weeks with hours of people who are inactive, as published by entries."""

from libs.postgres.migrate import run_sql

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the table of leavers' weeks that nobody submitted."""
    run_sql("""
        CREATE TABLE left_open_weeks (
            person        text NOT NULL,
            monday        date NOT NULL,
            total_minutes integer NOT NULL,
            PRIMARY KEY (person, monday)
        )
    """)


def downgrade() -> None:
    """Drop it again."""
    run_sql("DROP TABLE left_open_weeks")
