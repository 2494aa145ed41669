"""The fields of `person.changed` with which everybody was published."""

from libs.postgres.migrate import run_sql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the table; without its row everybody is published once."""
    run_sql("""
        CREATE TABLE publication (
            only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
            fields   text[] NOT NULL,
            through  text
        )
    """)


def downgrade() -> None:
    """Drop it again."""
    run_sql("DROP TABLE publication")
