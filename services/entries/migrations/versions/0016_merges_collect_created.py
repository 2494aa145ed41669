"""A merge counts the entries that it creates from its plan.

The plan has the same rows, so a merge needs no copy of the added ones. It sets
`timesheets.created` to 'planned'; then two triggers of added entries do not run. Replicas of the
release before do not set it and go on as before.
"""

from libs.postgres.migrate import run_sql

revision = "0016"
down_revision = "0015"

UNLESS_PLANNED = "current_setting('timesheets.created', true) IS DISTINCT FROM 'planned'"
IF_DEFERRED = "current_setting('timesheets.counting', true) = 'deferred'"

COLLECT = """
CREATE OR REPLACE TRIGGER entries_collect_insert
AFTER INSERT ON entries REFERENCING NEW TABLE AS added
FOR EACH STATEMENT WHEN ({when}) EXECUTE FUNCTION collect_insert()
"""
KNOW_PROJECTS = """
CREATE OR REPLACE TRIGGER entries_know_projects_of_added
AFTER INSERT ON entries REFERENCING NEW TABLE AS added
FOR EACH STATEMENT {when} EXECUTE FUNCTION know_projects()
"""


def upgrade() -> None:
    """Skip the triggers that a merge does not need."""
    run_sql(COLLECT.format(when=f"{IF_DEFERRED} AND {UNLESS_PLANNED}"))
    run_sql(KNOW_PROJECTS.format(when=f"WHEN ({UNLESS_PLANNED})"))


def downgrade() -> None:
    """Run them always again."""
    run_sql(COLLECT.format(when=IF_DEFERRED))
    run_sql(KNOW_PROJECTS.format(when=""))
