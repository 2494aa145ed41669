"""The change log."""

from libs.changes.schema import CHANGES_V1_DOWN, CHANGES_V1_UP
from libs.postgres.migrate import run_sql

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Create the change log."""
    run_sql(CHANGES_V1_UP)


def downgrade() -> None:
    """Drop it again."""
    run_sql(CHANGES_V1_DOWN)
