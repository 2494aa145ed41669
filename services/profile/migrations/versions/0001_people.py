"""People: who they are, to whom they report, who stands in for them.

The rules that two requests could break together are violations of named constraints;
services/profile/store knows the names.
"""

from libs.feed.schema import FEED_V1_DOWN, FEED_V1_UP
from libs.postgres.migrate import run_sql

revision = "0001"
down_revision = None

# sort_name and words follow from name and email (services.profile.model). Columns compared with
# the key of a page is ordered by code points, whatever the order of the database is.
# A manager need not be known yet, so that the directory can be filled in any order.
# claimed_*: what the newest token said, by which the service knows what was set by hand since.
PEOPLE = """
CREATE TABLE people (
    person           text COLLATE "C" PRIMARY KEY,
    name             text NOT NULL,
    email            text,
    kind             text NOT NULL,
    employer         text,
    manager          text COLLATE "C",
    active           boolean NOT NULL,
    target_minutes   integer NOT NULL,
    uploaders        text[] NOT NULL,
    locale           text NOT NULL,
    time_zone        text NOT NULL,
    reminders        boolean NOT NULL,
    delegate         text COLLATE "C" REFERENCES people,
    delegate_since   date,
    delegate_until   date,
    claimed_name     text,
    claimed_email    text,
    claims_expire_at bigint NOT NULL,
    sort_name        text COLLATE "C" NOT NULL,
    words            tsvector NOT NULL,
    version          integer NOT NULL DEFAULT 1,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT person_is_of_a_known_kind CHECK (kind IN ('employee', 'contractor')),
    CONSTRAINT person_is_not_their_own_manager CHECK (manager <> person),
    CONSTRAINT week_has_the_target CHECK (target_minutes BETWEEN 0 AND 10080),
    CONSTRAINT nobody_stands_in_for_themselves CHECK (delegate <> person),
    CONSTRAINT delegation_is_whole
        CHECK (num_nulls(delegate, delegate_since, delegate_until) IN (0, 3)),
    CONSTRAINT delegation_has_its_days
        CHECK (delegate_until - delegate_since BETWEEN 0 AND 365)
);

CREATE UNIQUE INDEX people_by_email ON people (lower(email)) WHERE active;
CREATE INDEX people_by_name ON people (sort_name, person);
CREATE INDEX people_by_manager ON people (manager, sort_name, person);
CREATE INDEX people_by_kind ON people (kind, sort_name, person);
CREATE INDEX people_by_active ON people (active, sort_name, person);
CREATE INDEX people_by_delegate ON people (delegate, delegate_since, person);
CREATE INDEX people_by_words ON people USING gin (words) WITH (fastupdate = off);
"""

EXTERNAL_IDS = """
CREATE TABLE external_ids (
    person      text COLLATE "C" NOT NULL REFERENCES people,
    system      text NOT NULL,
    external_id text NOT NULL,
    PRIMARY KEY (person, system),
    CONSTRAINT external_id_is_unique UNIQUE (system, external_id)
);
"""

# A transaction that sets a manager holds this lock until it ends: two changes that
# close a circle only together would each see none. Statements in PL/pgSQL take a new snapshot
# each, so what follows the lock sees what the last holder committed.
MANAGERS_LOCK = 7_301_003

CIRCLES = f"""
CREATE FUNCTION refuse_circle() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock({MANAGERS_LOCK});
    IF EXISTS (
        WITH RECURSIVE above (manager) AS (
            SELECT manager FROM people WHERE person = NEW.manager
            UNION
            SELECT people.manager FROM people JOIN above ON people.person = above.manager
        )
        SELECT FROM above WHERE manager = NEW.person
    ) THEN
        RAISE EXCEPTION 'managers form a circle'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'managers_form_no_circle';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER people_refuse_circle_on_insert
AFTER INSERT ON people
FOR EACH ROW WHEN (NEW.manager IS NOT NULL) EXECUTE FUNCTION refuse_circle();

CREATE TRIGGER people_refuse_circle_on_update
AFTER UPDATE ON people
FOR EACH ROW WHEN (NEW.manager IS DISTINCT FROM OLD.manager AND NEW.manager IS NOT NULL)
EXECUTE FUNCTION refuse_circle();
"""


def upgrade() -> None:
    """Create people, external ids and the feed."""
    for statements in (PEOPLE, EXTERNAL_IDS, CIRCLES, FEED_V1_UP):
        run_sql(statements)


def downgrade() -> None:
    """Drop what `upgrade` created."""
    run_sql(FEED_V1_DOWN)
    run_sql("DROP TABLE external_ids, people")
    run_sql("DROP FUNCTION refuse_circle()")
