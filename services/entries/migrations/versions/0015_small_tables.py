"""Statistics of small tables.

Autovacuum analyses a table after 50 changes, so those of a company with a few dozen projects never
were. Without statistics of its projects, a report hashes all of its entries.
"""

from libs.postgres.migrate import run_sql

revision = "0015"
down_revision = "0014"

TABLES = ("people", "projects", "project_versions")


def upgrade() -> None:
    """Analyse these tables as soon as a tenth of their rows has changed."""
    for table in TABLES:
        run_sql(f"ALTER TABLE {table} SET (autovacuum_analyze_threshold = 0)")
        run_sql(f"ANALYZE {table}")


def downgrade() -> None:
    """Return to the default of the server."""
    for table in TABLES:
        run_sql(f"ALTER TABLE {table} RESET (autovacuum_analyze_threshold)")
