"""The change log: each change with its actor, time, and the values before and after.

    await record_changes(connection, [Change("person", sub, "changed", actor, now, old, new)])

writes in the caller's transaction. Rows are numbered, append-only and chained by SHA-256, so that
a row that was changed or removed later is found by `python -m services.<name> verify`.
"""

from libs.changes.log import Actor, Change, difference, record_changes

__all__ = ["Actor", "Change", "difference", "record_changes"]
