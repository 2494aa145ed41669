"""The privileges of the serving role: it uses every table and owns none, so it can alter none."""

from __future__ import annotations

import asyncpg

from libs.postgres.settings import DatabaseSettings

# The advisory lock of everything that changes the schema or its privileges.
LOCK = 7_301_000

GRANTS = (
    "REVOKE ALL ON DATABASE {database} FROM PUBLIC",
    "GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {role}",
    "GRANT USAGE ON SCHEMA public TO {role}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
    "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}",
)
NAMES = "SELECT quote_ident(current_database()) AS database, quote_ident($1) AS role"
# Granting beside an ALTER TABLE fails ("tuple concurrently updated"), so it is done only if needed.
IS_COMPLETE = """
    WITH relations AS (
        SELECT oid, relkind FROM pg_class WHERE relnamespace = 'public'::regnamespace
    )
    SELECT has_database_privilege($1, current_database(), 'CONNECT')
       AND has_database_privilege($1, current_database(), 'TEMPORARY')
       AND has_schema_privilege($1, 'public', 'USAGE')
       AND NOT EXISTS (
           SELECT FROM relations, unnest('{SELECT,INSERT,UPDATE,DELETE}'::text[]) AS privilege
           WHERE relkind IN ('r', 'p') AND NOT has_table_privilege($1, oid, privilege)
       )
       AND NOT EXISTS (
           SELECT FROM relations, unnest('{USAGE,SELECT}'::text[]) AS privilege
           WHERE relkind = 'S' AND NOT has_sequence_privilege($1, oid, privilege)
       )
       AND NOT EXISTS (
           SELECT FROM pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba)))
           WHERE datname = current_database() AND grantee = 0
       )
"""


async def grant(settings: DatabaseSettings, role: str) -> bool:
    """Let `role` use every table and sequence. Returns False if it may already."""
    arguments = settings.arguments()
    arguments["server_settings"] |= {"statement_timeout": "0", "lock_timeout": "0"}
    connection = await asyncpg.connect(**arguments | {"command_timeout": None})
    try:
        if await connection.fetchval(IS_COMPLETE, role):
            return False
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
            names = await connection.fetchrow(NAMES, role)
            for statement in GRANTS:
                await connection.execute(statement.format(**names))
        return True
    finally:
        await connection.close()
