"""A running timer for each person: its start is stored, so that it survives everything."""

from libs.postgres.migrate import run_sql

revision = "0002"
down_revision = "0001"

UP = """
CREATE TABLE timers (
    person      text COLLATE "C" PRIMARY KEY,
    entry_id    uuid NOT NULL,
    started_at  timestamptz NOT NULL,
    project     text NOT NULL,
    task        text NOT NULL,
    note        text NOT NULL
);
"""


def upgrade() -> None:
    """Create the table of running timers."""
    run_sql(UP)


def downgrade() -> None:
    """Drop the table: running timers are lost."""
    run_sql("DROP TABLE timers")
