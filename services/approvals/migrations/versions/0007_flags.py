"""An index for each flag, so that a list of a rare flag does not read all approvals.

Building them blocks submissions and decisions. On a large table they are built beforehand by
`CREATE INDEX CONCURRENTLY` (docs/how-to/operate.md), and this migration finds them there.
"""

from libs.postgres.migrate import run_sql

revision = "0007"
down_revision = "0006"

FLAGS = (
    *("over_10_hours", "weekend", "holiday", "off_target", "new_project", "uploaded"),
    *("resubmitted", "submitted_for", "billable_differs", "not_yet_worked"),
)


def upgrade() -> None:
    """Create the indexes."""
    for flag in FLAGS:
        run_sql(f"""
            CREATE INDEX IF NOT EXISTS approvals_with_{flag} ON approvals (submitted_at, id)
            WHERE flags @> '{{{flag}}}'::text[]
        """)


def downgrade() -> None:
    """Drop the indexes."""
    for flag in FLAGS:
        run_sql(f"DROP INDEX approvals_with_{flag}")
