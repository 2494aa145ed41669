"""The rows that clients last sent, removals and undo of batches, and bounded errors.

An entry that a client uploaded is what it last sent, until a person changes or deletes it: then
`sent_rows` keeps the row as it was sent. So entries of earlier releases need no migration, and a
large batch writes no second table.
"""

from libs.postgres.migrate import run_sql

revision = "0007"
down_revision = "0006"

# `deleted`: the person deleted the entry. `id` is that of the entry.
SENT_ROWS = """
ALTER TABLE entries ADD COLUMN changed_by text;

CREATE TABLE sent_rows (
    source      text NOT NULL,
    external_id text NOT NULL,
    person      text NOT NULL,
    id          uuid NOT NULL,
    date        date NOT NULL,
    project     text NOT NULL,
    task        text,
    minutes     integer NOT NULL,
    note        text NOT NULL,
    billable    boolean NOT NULL,
    deleted     boolean NOT NULL,
    changed_by  text NOT NULL,
    changed_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (source, external_id)
);

CREATE INDEX sent_rows_by_entry ON sent_rows (person, id);
"""

# Batches set timesheets.merging, so that these triggers only see changes by people. The actor is
# the owner of the entry unless timesheets.actor names somebody else.
TRIGGERS = """
CREATE FUNCTION keep_sent_row() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    actor text := coalesce(nullif(current_setting('timesheets.actor', true), ''), old.person);
BEGIN
    INSERT INTO sent_rows (source, external_id, person, id, date, project, task, minutes, note,
        billable, deleted, changed_by)
    VALUES (old.source, old.external_id, old.person, old.id, old.date, old.project, old.task,
        old.minutes, old.note, old.billable, tg_op = 'DELETE', actor)
    ON CONFLICT (source, external_id) DO UPDATE
    SET deleted = excluded.deleted, changed_by = excluded.changed_by, changed_at = now();
    IF tg_op = 'UPDATE' THEN
        new.changed_by := actor;
        RETURN new;
    END IF;
    RETURN old;
END
$$;

CREATE TRIGGER entries_keep_sent_row
BEFORE UPDATE OR DELETE ON entries
FOR EACH ROW
WHEN (old.external_id IS NOT NULL
    AND current_setting('timesheets.merging', true) IS DISTINCT FROM 'on')
EXECUTE FUNCTION keep_sent_row();
"""

# `batch_changes` has each entry that a batch updated or removed, as it was before; `version` is
# the one after the update. Entries that a batch created are found by their id, which begins with
# that of the batch, and by the people of the batch.
BATCHES = """
ALTER TABLE batches
    ADD COLUMN removed integer NOT NULL DEFAULT 0,
    ADD COLUMN complete_from date,
    ADD COLUMN complete_to date,
    ADD COLUMN people text[] NOT NULL DEFAULT '{}',
    ADD COLUMN undone_at timestamptz,
    ADD COLUMN undone_by text,
    ADD COLUMN undone_removed integer,
    ADD COLUMN undone_restored integer,
    ADD COLUMN undone_kept integer;

CREATE INDEX batches_by_client ON batches (client, created_at, id);
CREATE INDEX batches_by_age ON batches (created_at, id);
CREATE UNIQUE INDEX batches_by_id ON batches (id);

CREATE TABLE batch_changes (
    batch       uuid NOT NULL,
    person      text NOT NULL,
    id          uuid NOT NULL,
    action      text NOT NULL CHECK (action IN ('updated', 'removed')),
    line        integer NOT NULL,
    external_id text NOT NULL,
    version     integer NOT NULL,
    date        date NOT NULL,
    project     text NOT NULL,
    task        text,
    minutes     integer NOT NULL,
    note        text NOT NULL,
    billable    boolean NOT NULL,
    changed_by  text,
    PRIMARY KEY (batch, person, id)
);

ALTER TABLE batch_errors
    ADD COLUMN external_id text NOT NULL DEFAULT '',
    DROP CONSTRAINT batch_errors_pkey,
    ADD PRIMARY KEY (batch, line, field, external_id);
"""


def upgrade() -> None:
    """Keep what each client sent last, and what each batch changed."""
    for statements in (SENT_ROWS, TRIGGERS, BATCHES):
        run_sql(statements)


def downgrade() -> None:
    """Forget what was sent."""
    run_sql("""
        DELETE FROM batch_errors WHERE line = 0;
        ALTER TABLE batch_errors
            DROP CONSTRAINT batch_errors_pkey,
            DROP COLUMN external_id,
            ADD PRIMARY KEY (batch, line, field);
        DROP TABLE batch_changes;
        DROP INDEX batches_by_id;
        DROP INDEX batches_by_age;
        DROP INDEX batches_by_client;
        ALTER TABLE batches
            DROP COLUMN undone_kept, DROP COLUMN undone_restored, DROP COLUMN undone_removed,
            DROP COLUMN undone_by, DROP COLUMN undone_at, DROP COLUMN people,
            DROP COLUMN complete_to, DROP COLUMN complete_from, DROP COLUMN removed;
        DROP TRIGGER entries_keep_sent_row ON entries;
        DROP FUNCTION keep_sent_row();
        DROP TABLE sent_rows;
        ALTER TABLE entries DROP COLUMN changed_by;
    """)
