"""Facts with a date: names and customers of projects, contracts, the target of a submitted week.

A project's name, customer and billable default hold from a day on, so that a report shows each
day as it was then. A week keeps the targets by which it was measured when it was submitted.
"""

from libs.postgres.migrate import run_sql

revision = "0004"
down_revision = "0003"

# The first version of a project holds from the first day there is. `projects` keeps the newest
# version's name, customer and billable default beside them.
# `dated_projects` is for joins: valid_from <= date AND date < valid_before.
PROJECTS = """
ALTER TABLE projects
    ADD COLUMN tasks text[] NOT NULL DEFAULT '{}',
    ADD COLUMN note_required boolean NOT NULL DEFAULT false;

CREATE INDEX projects_by_folded_code ON projects (lower(code));

CREATE TABLE project_versions (
    code       text NOT NULL REFERENCES projects ON UPDATE CASCADE ON DELETE CASCADE,
    valid_from date NOT NULL,
    name       text NOT NULL,
    customer   text NOT NULL,
    billable   boolean NOT NULL,
    PRIMARY KEY (code, valid_from)
);

INSERT INTO project_versions (code, valid_from, name, customer, billable)
SELECT code, '1970-01-01', name, customer, billable FROM projects;

CREATE FUNCTION begin_project() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO project_versions (code, valid_from, name, customer, billable)
    VALUES (new.code, '1970-01-01', new.name, new.customer, new.billable);
    RETURN NULL;
END
$$;

CREATE TRIGGER projects_begin_with_a_version
AFTER INSERT ON projects
FOR EACH ROW EXECUTE FUNCTION begin_project();

CREATE VIEW dated_projects AS
SELECT code, valid_from, name, customer, billable,
    lead(valid_from, 1, 'infinity') OVER (PARTITION BY code ORDER BY valid_from) AS valid_before
FROM project_versions;
"""

# Minutes of an ended project may move away or shrink; on no day do they grow. By day and not by
# entry, so that one statement may split an entry or join two.
ENDED_PROJECTS = """
CREATE FUNCTION keep_ended_projects() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    ended text := (
        SELECT project FROM (
            SELECT person, date, project, minutes FROM added
            UNION ALL
            SELECT person, date, project, -minutes FROM removed
        ) AS change
        WHERE project IN (SELECT code FROM projects WHERE NOT active)
        GROUP BY person, date, project
        HAVING sum(minutes) > 0
        LIMIT 1
    );
BEGIN
    IF ended IS NOT NULL THEN
        PERFORM refuse_entries('project_is_active', ended);
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER entries_keep_ended_projects
AFTER UPDATE ON entries REFERENCING OLD TABLE AS removed NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION keep_ended_projects();
"""

# `contracts`: [{"from": day, "minutes": [seven, Monday first], "calendar": code or null}].
# `target_minutes` is the person's own weekly target, which counts where no contract holds.
PEOPLE = """
ALTER TABLE people
    ALTER COLUMN target_minutes DROP NOT NULL,
    ADD COLUMN employer text,
    ADD COLUMN since date,
    ADD COLUMN until date,
    ADD COLUMN contracts jsonb NOT NULL DEFAULT '[]';
"""

# `targets` has the minutes of each day, Monday first. Null on a submitted or approved week: the
# person had no target. `late`: approved when a day of the week was in the closed period.
WEEKS = """
ALTER TABLE weeks
    ADD COLUMN targets integer[],
    ADD COLUMN late boolean NOT NULL DEFAULT false;

UPDATE weeks
SET targets = ARRAY[
    shown.target / 5 + (shown.target % 5 > 0)::integer,
    shown.target / 5 + (shown.target % 5 > 1)::integer,
    shown.target / 5 + (shown.target % 5 > 2)::integer,
    shown.target / 5 + (shown.target % 5 > 3)::integer,
    shown.target / 5,
    0,
    0
]
FROM (
    SELECT week.person, week.monday, coalesce(people.target_minutes, 2400) AS target
    FROM weeks AS week LEFT JOIN people USING (person)
    WHERE week.state <> 'open'
) AS shown
WHERE weeks.person = shown.person AND weeks.monday = shown.monday;

UPDATE weeks SET late = true
WHERE state = 'approved' AND EXISTS (
    SELECT FROM periods
    WHERE periods.closed_through >= weeks.monday AND periods.at < (
        SELECT max(step.at) FROM week_history AS step
        WHERE step.person = weeks.person AND step.monday = weeks.monday AND step.event = 'approved'
    )
);
"""


def upgrade() -> None:
    """Date projects and contracts, and fix the targets of submitted weeks."""
    for statements in (PROJECTS, ENDED_PROJECTS, PEOPLE, WEEKS):
        run_sql(statements)


def downgrade() -> None:
    """Remove the dates; each project keeps its present version."""
    run_sql("""
        ALTER TABLE weeks DROP COLUMN late, DROP COLUMN targets;
        UPDATE people SET target_minutes = 2400 WHERE target_minutes IS NULL;
        ALTER TABLE people
            DROP COLUMN contracts, DROP COLUMN until, DROP COLUMN since, DROP COLUMN employer,
            ALTER COLUMN target_minutes SET NOT NULL;
        DROP TRIGGER entries_keep_ended_projects ON entries;
        DROP FUNCTION keep_ended_projects();
        DROP VIEW dated_projects;
        DROP TRIGGER projects_begin_with_a_version ON projects;
        DROP FUNCTION begin_project();
        DROP TABLE project_versions;
        DROP INDEX projects_by_folded_code;
        ALTER TABLE projects DROP COLUMN note_required, DROP COLUMN tasks;
    """)
