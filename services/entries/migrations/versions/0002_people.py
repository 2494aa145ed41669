"""People as profile's feed describes them: targets, teams, who may upload for whom."""

from libs.postgres.migrate import run_sql

revision = "0002"
down_revision = "0001"

# `version` is profile's; an older event changes nothing.
PEOPLE = """
CREATE TABLE people (
    person         text PRIMARY KEY,
    name           text NOT NULL,
    email          text,
    kind           text NOT NULL,
    manager        text,
    active         boolean NOT NULL,
    target_minutes integer NOT NULL,
    external_ids   jsonb NOT NULL,
    uploaders      text[] NOT NULL,
    delegate       text,
    delegate_from  date,
    delegate_to    date,
    version        bigint NOT NULL
);

CREATE INDEX people_by_name ON people (name, person) WHERE active;
CREATE INDEX people_by_manager ON people (manager, name, person) WHERE active;
CREATE INDEX people_by_delegate ON people (delegate) WHERE delegate IS NOT NULL;
"""


def upgrade() -> None:
    """Create the local copy of people."""
    run_sql(PEOPLE)


def downgrade() -> None:
    """Drop it again."""
    run_sql("DROP TABLE people")
