"""The tables of the change log, for the migrations of the services that keep one."""

# Newest first is how the log is read; the key of a page is (at, number).
# `change_log` has at most one row: the last number and its digest. A transaction that
# appends holds it until COMMIT, so numbers have no gaps, and missing rows at the end are noticed.
CHANGES_V1_UP = """
CREATE TABLE changes (
    number   bigint PRIMARY KEY,
    at       timestamptz NOT NULL,
    kind     text NOT NULL,
    subject  text COLLATE "C" NOT NULL,
    action   text NOT NULL,
    actor    text COLLATE "C" NOT NULL,
    client   text,
    reason   text,
    before   jsonb,
    after    jsonb,
    previous text NOT NULL
);

CREATE INDEX changes_by_time ON changes (at, number);
CREATE INDEX changes_by_subject ON changes (subject, at, number);
CREATE INDEX changes_by_actor ON changes (actor, at, number);

CREATE TABLE change_log (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    number   bigint NOT NULL,
    sha256   text NOT NULL
);

CREATE FUNCTION refuse_to_rewrite_changes() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the change log is append-only'
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'changes_are_append_only';
END
$$;

CREATE TRIGGER changes_are_append_only
BEFORE UPDATE OR DELETE OR TRUNCATE ON changes
FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_rewrite_changes();
"""

CHANGES_V1_DOWN = """
DROP TABLE changes, change_log;
DROP FUNCTION refuse_to_rewrite_changes();
"""
