"""Use cases: each takes the database and plain values and owns its transaction."""
