"""The last versions of deleted entries and absences.

A resource that is created under the id of a deleted one goes on from its version. If it began at
1 again, a request that was delayed since before the deletion could match its `If-Match`.
"""

from libs.postgres.migrate import run_sql

revision = "0017"
down_revision = "0016"

TABLE = """
CREATE TABLE deleted_{resources} (
    person  text NOT NULL,
    id      uuid NOT NULL,
    version integer NOT NULL,
    PRIMARY KEY (person, id)
)
"""

# Entries are deleted by people, by batches and by their undo.
REMEMBER = """
CREATE FUNCTION remember_versions() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO deleted_entries (person, id, version)
    SELECT person, id, version FROM removed ORDER BY person, id
    ON CONFLICT (person, id) DO UPDATE SET version = excluded.version;
    RETURN NULL;
END
$$;

CREATE TRIGGER entries_remember_versions
AFTER DELETE ON entries REFERENCING OLD TABLE AS removed
FOR EACH STATEMENT EXECUTE FUNCTION remember_versions();
"""

# Statements in PL/pgSQL take a new snapshot each, so this sees a deletion that the insertion waited
# for; and it spares most insertions a look at the table of their own. The ids of a merge are new,
# except for those that its undo brings back, with their versions.
CONTINUE = """
CREATE FUNCTION continue_versions() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM added JOIN deleted_entries AS deleted USING (person, id)
        WHERE added.version <= deleted.version
    ) THEN
        RAISE EXCEPTION 'an entry has been deleted and does not continue its versions'
            USING ERRCODE = 'serialization_failure';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER entries_continue_versions
AFTER INSERT ON entries REFERENCING NEW TABLE AS added
FOR EACH STATEMENT
WHEN (current_setting('timesheets.merging', true) IS DISTINCT FROM 'on')
EXECUTE FUNCTION continue_versions();
"""


def upgrade() -> None:
    """Remember versions from now on."""
    for resources in ("entries", "absences"):
        run_sql(TABLE.format(resources=resources))
    run_sql(REMEMBER)
    run_sql(CONTINUE)


def downgrade() -> None:
    """Begin at 1 always again."""
    for function in ("continue_versions", "remember_versions"):
        run_sql(f"DROP TRIGGER entries_{function} ON entries")
        run_sql(f"DROP FUNCTION {function}()")
    for resources in ("entries", "absences"):
        run_sql(f"DROP TABLE deleted_{resources}")
