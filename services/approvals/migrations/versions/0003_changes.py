"""Targets fixed at submission, who submitted, joining and leaving, the closed period, change log.

Additive: replicas of the release before go on working beside it.
"""

from libs.changes.schema import CHANGES_V1_DOWN, CHANGES_V1_UP
from libs.postgres.migrate import run_sql

revision = "0003"
down_revision = "0002"

# `first_day` and `last_day` are the person's first and last days at work; `since` stays the Monday
# of the week in which they became known here. The last four are for notices.
PEOPLE = """
ALTER TABLE people
    ALTER COLUMN target_minutes DROP NOT NULL,
    ADD COLUMN first_day date,
    ADD COLUMN last_day date,
    ADD COLUMN email text,
    ADD COLUMN locale text,
    ADD COLUMN time_zone text,
    ADD COLUMN reminders boolean;
"""

# Until now a pending week was measured by the person's present target, and a decided one by the
# target at the decision. The target shown becomes the valid one. Flags are sorted
# when they are read.
APPROVALS = """
ALTER TABLE approvals
    ADD COLUMN submitted_by text,
    ADD COLUMN previous_reason text,
    ADD COLUMN absences jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN days jsonb NOT NULL DEFAULT '[]';

UPDATE approvals SET submitted_by = person;

UPDATE approvals SET target_minutes = coalesce(
    (SELECT people.target_minutes FROM people WHERE people.person = approvals.person), 2400
)
WHERE target_minutes IS NULL;

UPDATE approvals SET flags = array_append(flags, 'off_target')
WHERE abs(total_minutes - target_minutes) * 100 > target_minutes * 10;

UPDATE approvals SET previous_reason = (
    SELECT CASE earlier.state WHEN 'rejected' THEN earlier.reason END
    FROM approvals AS earlier
    WHERE earlier.person = approvals.person AND earlier.monday = approvals.monday
      AND earlier.submitted_at < approvals.submitted_at
      AND earlier.state IN ('approved', 'rejected')
    ORDER BY earlier.submitted_at DESC
    LIMIT 1
)
WHERE 'resubmitted' = ANY (flags);

CREATE INDEX approvals_that_cover_weeks ON approvals (person, monday)
    WHERE state = 'pending' OR (state = 'approved' AND NOT reopened);
"""

PERIOD = """
CREATE TABLE period (
    only_row       boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    closed_through date
);
"""

DOWN = """
DROP TABLE period;
DROP INDEX approvals_that_cover_weeks;
UPDATE approvals SET flags = array_remove(flags, 'off_target');
UPDATE approvals SET flags = array_remove(array_remove(array_remove(array_remove(
    flags, 'holiday'), 'submitted_for'), 'billable_differs'), 'not_yet_worked')
WHERE flags && ARRAY['holiday', 'submitted_for', 'billable_differs', 'not_yet_worked'];
ALTER TABLE approvals
    DROP COLUMN days, DROP COLUMN absences, DROP COLUMN previous_reason, DROP COLUMN submitted_by;
UPDATE people SET target_minutes = 2400 WHERE target_minutes IS NULL;
ALTER TABLE people
    DROP COLUMN reminders, DROP COLUMN time_zone, DROP COLUMN locale, DROP COLUMN email,
    DROP COLUMN last_day, DROP COLUMN first_day,
    ALTER COLUMN target_minutes SET NOT NULL;
"""


def upgrade() -> None:
    """Add leavers, fixed targets, the period and the change log."""
    for statements in (PEOPLE, APPROVALS, PERIOD, CHANGES_V1_UP):
        run_sql(statements)


def downgrade() -> None:
    """Remove them again."""
    run_sql(CHANGES_V1_DOWN)
    run_sql(DOWN)
