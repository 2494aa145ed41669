"""Notices by e-mail, and the weeks in which people are off.

Additive: replicas of the release before go on working beside it.
"""

from libs.postgres.migrate import run_sql

revision = "0006"
down_revision = "0005"

# A week of a person in which holidays and absences leave nothing to work, as entries published it.
WEEKS_OFF = """
CREATE TABLE weeks_off (
    person text NOT NULL,
    monday date NOT NULL,
    PRIMARY KEY (person, monday)
);
"""

# One row for each person and fact. `week` is the Monday of the week that it is about, if any.
NOTICES = """
CREATE TABLE notices (
    person          text NOT NULL,
    kind            text NOT NULL,
    fact            text NOT NULL,
    week            date,
    data            jsonb NOT NULL DEFAULT '{}',
    due_at          timestamptz NOT NULL,
    next_attempt_at timestamptz NOT NULL,
    attempts        integer NOT NULL DEFAULT 0,
    last_error      text,
    sent_at         timestamptz,
    cancelled_at    timestamptz,
    PRIMARY KEY (person, kind, fact),
    CONSTRAINT notice_has_one_outcome CHECK (num_nonnulls(sent_at, cancelled_at) <= 1)
);

CREATE INDEX notices_unsent ON notices (next_attempt_at, person, kind, fact)
    WHERE sent_at IS NULL AND cancelled_at IS NULL;
CREATE INDEX notices_by_age ON notices (due_at);

CREATE INDEX history_for_notices ON history (at) WHERE event IN ('rejected', 'reopened');
"""

# No mail is sent about events before this release.
PAST = """
INSERT INTO notices (person, kind, fact, week, due_at, next_attempt_at, cancelled_at)
SELECT person, event, submission_id || '/' || number, monday, at, at, now()
FROM history
WHERE event IN ('rejected', 'reopened') AND at > now() - interval '30 days';
"""


def upgrade() -> None:
    """Create the outbox of notices and the weeks that people are off."""
    for statements in (WEEKS_OFF, NOTICES, PAST):
        run_sql(statements)


def downgrade() -> None:
    """Drop them again."""
    run_sql("DROP INDEX history_for_notices")
    run_sql("DROP TABLE notices, weeks_off")
