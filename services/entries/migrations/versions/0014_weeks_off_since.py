"""The week from which on it was published when each person is off.

Without a limit of its own: a change of working time publishes every week since, however long ago
that is. Null, as for those whom an earlier release knew, until a job has published their weeks.
Additive: replicas of the release before go on working beside it, and leave it null.
"""

from libs.postgres.migrate import run_sql

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Add the column, which a job fills."""
    run_sql("ALTER TABLE people ADD COLUMN weeks_off_since date")


def downgrade() -> None:
    """Drop it again."""
    run_sql("ALTER TABLE people DROP COLUMN weeks_off_since")
