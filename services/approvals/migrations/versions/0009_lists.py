"""Indexes for the lists of approvals of teams and by role, so that no list reads a long past.

Building them blocks submissions and decisions. On a large table they are built beforehand by
`CREATE INDEX CONCURRENTLY` (docs/how-to/operate.md), and this migration finds them there.
"""

from libs.postgres.migrate import run_sql

revision = "0009"
down_revision = "0008"

FLAGS = (
    *("over_10_hours", "weekend", "holiday", "off_target", "new_project", "uploaded"),
    *("resubmitted", "submitted_for", "billable_differs", "not_yet_worked"),
)

INDEXES = {
    **{
        f"approvals_of_person_with_{flag}": (
            f"(person, submitted_at, id) WHERE flags @> '{{{flag}}}'::text[]"
        )
        for flag in FLAGS
    },
    "approvals_of_person_without_flags": ("(person, submitted_at, id) WHERE flags = '{}'"),
    "approvals_pending_by_flag": "USING gin (flags) WHERE state = 'pending'",
    "approvals_by_week_and_state": "(monday, state, submitted_at, id)",
    "approvals_by_role": "(why, submitted_at, id) WHERE why IS NOT NULL",
    "approvals_by_person_and_role": "(person, why, submitted_at, id) WHERE why IS NOT NULL",
    "approvals_undecided": "(submitted_at, id) WHERE decided_by IS NULL",
    "approvals_undecided_of_person": "(person, submitted_at, id) WHERE decided_by IS NULL",
    "approvals_by_decider_and_state": (
        "(decided_by, state, submitted_at, id) WHERE decided_by IS NOT NULL"
    ),
    "approvals_by_decider_and_week": (
        "(decided_by, monday, submitted_at, id) WHERE decided_by IS NOT NULL"
    ),
}


def upgrade() -> None:
    """Create the indexes."""
    for name, definition in INDEXES.items():
        run_sql(f"CREATE INDEX IF NOT EXISTS {name} ON approvals {definition}")


def downgrade() -> None:
    """Drop the indexes."""
    for name in INDEXES:
        run_sql(f"DROP INDEX {name}")
