"""PostgreSQL: connections, transactions, idempotency keys, migrations."""
