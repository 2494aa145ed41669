"""The last week for which it was published who is off."""

from libs.postgres.migrate import run_sql

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Create the table; without its row nothing was published for all."""
    run_sql("""
        CREATE TABLE weeks_off_horizon (
            only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
            monday   date NOT NULL
        )
    """)


def downgrade() -> None:
    """Drop it again."""
    run_sql("DROP TABLE weeks_off_horizon")
