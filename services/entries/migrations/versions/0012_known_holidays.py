"""The public holidays by which it was published who is off."""

from libs.postgres.migrate import run_sql

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Create the table; a calendar without a row is taken as it is today."""
    run_sql("""
        CREATE TABLE known_holidays (
            calendar text COLLATE "C" NOT NULL,
            year     integer NOT NULL,
            days     date[] NOT NULL,
            PRIMARY KEY (calendar, year)
        )
    """)


def downgrade() -> None:
    """Drop it again."""
    run_sql("DROP TABLE known_holidays")
