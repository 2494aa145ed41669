"""Sessions and pending sign-ins.

Neither table holds anything that can be used: browsers hold the secrets whose SHA-256 are the keys,
and what is sealed needs SESSION_KEYS.
"""

from libs.postgres.migrate import run_sql

revision = "0001"
down_revision = None

UP = """
CREATE TABLE sessions (
    id          bytea PRIMARY KEY,
    person      text COLLATE "C" NOT NULL,
    sealed      bytea NOT NULL,
    renew_at    timestamptz NOT NULL,
    created_at  timestamptz NOT NULL,
    used_at     timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL
);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE sign_ins (
    state       bytea PRIMARY KEY,
    sealed      bytea NOT NULL,
    expires_at  timestamptz NOT NULL
);
CREATE INDEX sign_ins_by_expiry ON sign_ins (expires_at);

CREATE TABLE favourites (
    person      text COLLATE "C" NOT NULL,
    project     text NOT NULL,
    task        text NOT NULL DEFAULT '',
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (person, project, task)
);
"""


def upgrade() -> None:
    """Create the tables of sessions, pending sign-ins and favourites."""
    run_sql(UP)


def downgrade() -> None:
    """Drop the tables: everybody is signed out and favourites are lost."""
    run_sql("DROP TABLE sessions, sign_ins, favourites")
