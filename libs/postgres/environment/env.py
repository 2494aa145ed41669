"""Alembic's environment for every service: runs its migrations on the given connection.

The transaction is that of libs.postgres.migrations, which commits it.
"""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    on_version_apply=context.config.attributes["on_version_apply"],
)
context.run_migrations()
