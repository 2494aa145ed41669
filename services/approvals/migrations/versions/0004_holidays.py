"""The holidays of a submitted week, by day."""

from libs.postgres.migrate import run_sql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the holidays of a submitted week."""
    run_sql("ALTER TABLE approvals ADD COLUMN holidays jsonb NOT NULL DEFAULT '{}'")
    # Never filled by a release.
    run_sql("ALTER TABLE approvals DROP COLUMN days")


def downgrade() -> None:
    """Remove them again."""
    run_sql("ALTER TABLE approvals DROP COLUMN holidays")
    run_sql("ALTER TABLE approvals ADD COLUMN days jsonb NOT NULL DEFAULT '[]'")
