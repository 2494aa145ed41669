"""The people without a manager who could decide their weeks.

A superset: readers check each again (services/approvals/store/lists.py), because two feeds write at
once. A submission may name a person whom the other feed publishes in the same moment.

Additive: the triggers also see what replicas of the release before write.
"""

from libs.postgres.migrate import run_sql

revision = "0011"
down_revision = "0010"

TABLE = """
CREATE TABLE unassigned_people (
    person text PRIMARY KEY
);
"""

# Profile publishes managers before or after their teams.
OF_PEOPLE = """
CREATE FUNCTION note_unassigned_people() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF new.manager <> new.person AND EXISTS (
        SELECT FROM people WHERE person = new.manager AND active
    ) THEN
        DELETE FROM unassigned_people WHERE person = new.person;
    ELSE
        INSERT INTO unassigned_people VALUES (new.person) ON CONFLICT DO NOTHING;
    END IF;
    IF new.active THEN
        DELETE FROM unassigned_people AS known USING people AS member
        WHERE member.manager = new.person AND member.person <> new.person
          AND known.person = member.person;
    ELSE
        INSERT INTO unassigned_people SELECT person FROM people WHERE manager = new.person
        ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER people_unassigned_insert
AFTER INSERT ON people
FOR EACH ROW EXECUTE FUNCTION note_unassigned_people();

CREATE TRIGGER people_unassigned_update
AFTER UPDATE ON people
FOR EACH ROW WHEN ((old.manager, old.active) IS DISTINCT FROM (new.manager, new.active))
EXECUTE FUNCTION note_unassigned_people();
"""

# A submission by somebody whom profile has not published.
OF_APPROVALS = """
CREATE FUNCTION note_unassigned_approval() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM people WHERE person = new.person) THEN
        INSERT INTO unassigned_people VALUES (new.person) ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER approvals_unassigned_insert
AFTER INSERT ON approvals
FOR EACH ROW EXECUTE FUNCTION note_unassigned_approval();
"""

# Creating the triggers has locked both tables against writers.
FILL = """
    INSERT INTO unassigned_people
    SELECT person.person
    FROM people AS person LEFT JOIN people AS manager ON manager.person = person.manager
    WHERE person.manager = person.person OR manager.active IS NOT TRUE
    UNION
    SELECT person FROM approvals
    WHERE decided_by IS NULL AND NOT EXISTS (
        SELECT FROM people WHERE people.person = approvals.person
    )
"""


def upgrade() -> None:
    """Create the table and the triggers that keep it, and fill it."""
    for statements in (TABLE, OF_PEOPLE, OF_APPROVALS, FILL):
        run_sql(statements)


def downgrade() -> None:
    """Drop them again."""
    run_sql("DROP TRIGGER approvals_unassigned_insert ON approvals")
    run_sql("DROP TRIGGER people_unassigned_update ON people")
    run_sql("DROP TRIGGER people_unassigned_insert ON people")
    run_sql("DROP FUNCTION note_unassigned_approval(), note_unassigned_people()")
    run_sql("DROP TABLE unassigned_people")
