"""Every approval with its history, for checking them: by ranges of the key, with few columns.

The two are read side by side in the order of their keys, and decoded by hand: a check of millions
of rows takes half as long as with `RecordType`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import date
from functools import cache
from uuid import UUID

import asyncpg
import msgspec

from libs.rules.calendar import Week
from services.approvals.chain import Step
from services.approvals.model import Approval, State
from services.approvals.store.history import COLUMNS, step_of

# `$1` is excluded: the pages of a range, and the ranges, follow each other without a gap.
READ_APPROVALS = """
    SELECT id, person, monday, total_minutes, by_day, by_project, submitted_at, state, decided_by,
        decided_at, reason, acting_for, steps, head
    FROM approvals
    WHERE id > $1 AND id <= $2
    ORDER BY id
    LIMIT $3
"""
READ_HISTORIES = f"""
    SELECT {COLUMNS} FROM history
    WHERE submission_id > $1 AND submission_id <= $2
    ORDER BY submission_id, number
"""
PAGE = 1000

_days = msgspec.json.Decoder(dict[date, int]).decode
_minutes = msgspec.json.Decoder(dict[str, int]).decode
_week = cache(Week)
_states = {state.value: state for state in State}


async def read_chains(
    connection: asyncpg.Connection, after: UUID, last: UUID
) -> AsyncIterator[tuple[Approval, list[Step]]]:
    """The approvals after `after` up to and including `last`, each with its history, by id.

    Flags and the other columns that no history determines are left out.
    """
    while records := await connection.fetch(READ_APPROVALS, after, last, PAGE):
        end = records[-1]["id"]
        histories: defaultdict[UUID, list[Step]] = defaultdict(list)
        for record in await connection.fetch(READ_HISTORIES, after, end):
            step = step_of(record)
            histories[step.submission_id].append(step)
        for record in records:
            yield _approval(record), histories[record["id"]]
        after = end


def _approval(record: asyncpg.Record) -> Approval:
    key, person, monday, total_minutes, by_day, by_project, submitted_at, state, *rest = record
    decided_by, decided_at, reason, acting_for, steps, head = rest
    return Approval(
        id=key,
        person=person,
        week=_week(monday),
        total_minutes=total_minutes,
        by_day=_days(by_day),
        by_project=_minutes(by_project),
        submitted_at=submitted_at,
        flags=(),
        state=_states[state],
        decided_by=decided_by,
        decided_at=decided_at,
        reason=reason,
        acting_for=acting_for,
        steps=steps,
        head=head,
    )
