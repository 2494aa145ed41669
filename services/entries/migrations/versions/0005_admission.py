"""The people whose tokens are refused."""

from libs.postgres.migrate import run_sql
from libs.service.admission import ADMISSION_V1_DOWN, ADMISSION_V1_UP

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the table that says who is admitted."""
    run_sql(ADMISSION_V1_UP)


def downgrade() -> None:
    """Drop it again."""
    run_sql(ADMISSION_V1_DOWN)
