"""People as far as approving asks, what they submitted, what was decided, and its history.

No row is written by what two feeds tell: `people` follows profile alone, the rest entries and
the deciders. No table stores who may decide: it is computed on request.
"""

from libs.feed.schema import FEED_V1_DOWN, FEED_V1_UP
from libs.postgres.migrate import run_sql

revision = "0001"
down_revision = None

# `since` is the Monday of the week in which the person was first received.
PEOPLE = """
CREATE TABLE people (
    person         text PRIMARY KEY,
    name           text NOT NULL,
    manager        text,
    active         boolean NOT NULL,
    target_minutes integer NOT NULL,
    delegate       text,
    delegate_from  date,
    delegate_to    date,
    since          date NOT NULL,
    version        bigint NOT NULL,
    CONSTRAINT delegation_is_whole
        CHECK (num_nulls(delegate, delegate_from, delegate_to) IN (0, 3))
);

CREATE INDEX people_by_manager ON people (manager, person);
CREATE INDEX people_by_delegate ON people (delegate, person) WHERE delegate IS NOT NULL;
"""

# `id` is that of the submission. `flags` are those that never change; `target_minutes` is what
# the week was measured by when it was decided.
APPROVALS = """
CREATE TABLE approvals (
    id             uuid PRIMARY KEY,
    person         text NOT NULL,
    monday         date NOT NULL,
    total_minutes  integer NOT NULL,
    by_day         jsonb NOT NULL,
    by_project     jsonb NOT NULL,
    entries        jsonb NOT NULL,
    submitted_at   timestamptz NOT NULL,
    flags          text[] NOT NULL,
    state          text NOT NULL,
    decided_by     text,
    decided_at     timestamptz,
    reason         text,
    acting_for     text,
    why            text,
    target_minutes integer,
    confirmed      boolean NOT NULL,
    reopened       boolean NOT NULL,
    steps          integer NOT NULL,
    head           text NOT NULL,
    version        integer NOT NULL,
    CONSTRAINT approval_has_a_known_state
        CHECK (state IN ('pending', 'approved', 'rejected', 'withdrawn')),
    CONSTRAINT approval_begins_on_monday CHECK (extract(isodow FROM monday) = 1),
    CONSTRAINT decision_names_its_maker CHECK (
        num_nulls(decided_by, decided_at) IN (0, 2)
        AND (state NOT IN ('approved', 'rejected') OR decided_by IS NOT NULL)
        AND (state <> 'pending' OR decided_by IS NULL)
    ),
    CONSTRAINT nobody_decides_a_week_of_their_own CHECK (decided_by <> person)
) WITH (fillfactor = 80);

CREATE INDEX approvals_by_person ON approvals (person, submitted_at, id);
CREATE INDEX approvals_by_person_and_state ON approvals (person, state, submitted_at, id);
CREATE INDEX approvals_by_week ON approvals (monday, submitted_at, id);
CREATE INDEX approvals_by_state ON approvals (state, submitted_at, id);
CREATE INDEX approvals_by_age ON approvals (submitted_at, id);
CREATE INDEX approvals_by_decider ON approvals (decided_by, submitted_at, id)
    WHERE decided_by IS NOT NULL;
CREATE INDEX approvals_of_week ON approvals (person, monday);
"""

# The projects on which somebody's hours were approved before.
PROJECTS = """
CREATE TABLE approved_projects (
    person  text NOT NULL,
    project text NOT NULL,
    PRIMARY KEY (person, project)
);
"""

# The digest of a row covers these columns: services/approvals/chain.py.
HISTORY = """
CREATE TABLE history (
    submission_id uuid NOT NULL REFERENCES approvals,
    number        integer NOT NULL,
    person        text NOT NULL,
    monday        date NOT NULL,
    event         text NOT NULL,
    at            timestamptz NOT NULL,
    actor         text NOT NULL,
    acting_for    text,
    why           text,
    reason        text,
    total_minutes integer NOT NULL,
    by_day        jsonb NOT NULL,
    by_project    jsonb NOT NULL,
    previous      text NOT NULL,
    PRIMARY KEY (submission_id, number)
);

CREATE FUNCTION refuse_to_change_history() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'history is only ever added to'
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'history_is_append_only';
END
$$;

CREATE TRIGGER history_is_append_only
BEFORE UPDATE OR DELETE OR TRUNCATE ON history
FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_history();
"""


def upgrade() -> None:
    """Create people, approvals, their history and the feed."""
    for statements in (PEOPLE, APPROVALS, PROJECTS, HISTORY, FEED_V1_UP):
        run_sql(statements)


def downgrade() -> None:
    """Drop what `upgrade` created."""
    run_sql(FEED_V1_DOWN)
    run_sql("DROP TABLE history, approved_projects, approvals, people")
    run_sql("DROP FUNCTION refuse_to_change_history()")
