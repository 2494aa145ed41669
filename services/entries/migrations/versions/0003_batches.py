"""Batches of rows that other companies upload, and what the reports over everybody lean on."""

from libs.postgres.migrate import run_sql

revision = "0003"
down_revision = "0002"

# `number_of_rows` counts what the file held; a batch that was refused as a whole wrote none.
BATCHES = """
CREATE TABLE batches (
    client         text NOT NULL,
    id             uuid NOT NULL,
    skips_errors   boolean NOT NULL,
    dry_run        boolean NOT NULL,
    number_of_rows integer NOT NULL,
    created        integer NOT NULL,
    updated        integer NOT NULL,
    unchanged      integer NOT NULL,
    failed         integer NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (client, id)
);

CREATE TABLE batch_errors (
    batch   uuid NOT NULL,
    line    integer NOT NULL,
    field   text NOT NULL,
    code    text NOT NULL,
    message text NOT NULL,
    PRIMARY KEY (batch, line, field)
);
"""

# The minutes of a day after each row in turn, a row that does not fit left out. `gone` are the
# minutes that the row takes off the same day. The state begins as null: `base` is in its place.
FILLED_DAY = """
CREATE FUNCTION fill_day(filled integer, base integer, gone integer, minutes integer)
RETURNS integer LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN minutes <= gone OR coalesce(filled, base) - gone + minutes <= 1440
        THEN coalesce(filled, base) - gone + minutes
        ELSE coalesce(filled, base)
    END
$$;

CREATE AGGREGATE filled_day(base integer, gone integer, minutes integer) (
    SFUNC = fill_day,
    STYPE = integer
);
"""

# A foreign key looks a project up for each row: a fifth of the time of a large batch. This looks
# each project up once a statement, under the constraint's name. A project's code never
# changes and none is ever removed; should somebody try, the other trigger is the other half.
PROJECTS = """
ALTER TABLE entries DROP CONSTRAINT entries_project_fkey;

CREATE FUNCTION know_projects() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    unknown text := (
        SELECT project FROM (SELECT DISTINCT project FROM added) AS used
        WHERE NOT EXISTS (SELECT FROM projects WHERE code = used.project)
        LIMIT 1
    );
BEGIN
    IF unknown IS NOT NULL THEN
        PERFORM refuse_entries('entries_project_fkey', unknown);
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER entries_know_projects_of_added
AFTER INSERT ON entries REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION know_projects();

CREATE TRIGGER entries_know_projects_of_changed
AFTER UPDATE ON entries REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION know_projects();

CREATE FUNCTION keep_project() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7301001);
    IF EXISTS (SELECT FROM entries WHERE project = old.code) THEN
        PERFORM refuse_entries('entries_project_fkey', old.code);
    END IF;
    RETURN coalesce(new, old);
END
$$;

CREATE TRIGGER projects_are_kept
BEFORE DELETE OR UPDATE OF code ON projects
FOR EACH ROW EXECUTE FUNCTION keep_project();
"""

INDEXES = """
CREATE UNIQUE INDEX entries_by_external_id ON entries (source, external_id)
    WHERE external_id IS NOT NULL;
CREATE INDEX entries_by_date ON entries (date);
CREATE INDEX entries_by_project ON entries (project, date);
CREATE INDEX weeks_by_monday ON weeks (monday);
CREATE INDEX people_by_uploader ON people USING gin (uploaders);
CREATE INDEX events_of_approval ON events (sequence) WHERE type = 'timesheet.approved';
"""


def upgrade() -> None:
    """Create batches and their errors, and the indexes that uploads and reports need."""
    for statements in (BATCHES, FILLED_DAY, INDEXES, PROJECTS):
        run_sql(statements)


def downgrade() -> None:
    """Drop them, and let entries refer to projects again."""
    run_sql("""
        DROP TRIGGER projects_are_kept ON projects;
        DROP TRIGGER entries_know_projects_of_changed ON entries;
        DROP TRIGGER entries_know_projects_of_added ON entries;
        DROP FUNCTION keep_project();
        DROP FUNCTION know_projects();
        ALTER TABLE entries ADD CONSTRAINT entries_project_fkey
            FOREIGN KEY (project) REFERENCES projects;
        DROP INDEX events_of_approval;
        DROP INDEX people_by_uploader;
        DROP INDEX weeks_by_monday;
        DROP INDEX entries_by_project;
        DROP INDEX entries_by_date;
        DROP INDEX entries_by_external_id;
        DROP AGGREGATE filled_day(integer, integer, integer);
        DROP FUNCTION fill_day(integer, integer, integer, integer);
        DROP TABLE batch_errors, batches;
    """)
