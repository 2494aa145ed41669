"""Every approval with its history, for checking them: by ranges of the key, with few columns.

The two are read side by side in the order of their keys. Untouched histories are recognised by
their columns: decoding them first, as `Approval` and `Step`, takes twice as long. The others are
decoded, to say where their fault is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from datetime import date
from functools import cache, lru_cache
from hashlib import sha256
from uuid import UUID

import asyncpg
import msgspec

from libs.rules.calendar import Week
from services.approvals.chain import FIRST_PREVIOUS, LEADS_TO, StepKind
from services.approvals.model import Approval, State
from services.approvals.store.history import COLUMNS

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
_sorted_json = msgspec.json.Encoder(order="sorted").encode
_week = cache(Week)
_week_name = cache(lambda monday: str(Week(monday)))
_leads_to = {event.value: state.value for event, state in LEADS_TO.items()}
_decisions = (StepKind.APPROVED.value, StepKind.REJECTED.value)
_not_decided = (None, None, None, None)


async def read_chains(
    connection: asyncpg.Connection, after: UUID, last: UUID
) -> AsyncIterator[tuple[asyncpg.Record, Sequence[asyncpg.Record]]]:
    """The approvals after `after` up to and including `last`, each with its history, by id."""
    while records := await connection.fetch(READ_APPROVALS, after, last, PAGE):
        end = records[-1][0]
        histories: defaultdict[UUID, list[asyncpg.Record]] = defaultdict(list)
        for record in await connection.fetch(READ_HISTORIES, after, end):
            histories[record[0]].append(record)
        for record in records:
            yield record, histories[record[0]]
        after = end


def is_as_written(approval: asyncpg.Record, steps: Sequence[asyncpg.Record]) -> bool:
    """Whether `first_break` (services/approvals/chain.py) finds no fault.

    False also for columns that are written in another way than ours: decode them to know.
    """
    key, person, monday, total, by_day, by_project, _, state, *decision, number, head = approval
    about = (person, monday, total, by_day, by_project)
    days, projects = _sorted_text(by_day), _sorted_text(by_project)
    # The canonical form of a step, from what all steps of the approval share.
    end = f'"submission_id":"{key}","total_minutes":{total},"week":"{_week_name(monday)}","why":'
    middle = f'"by_day":{days},"by_project":{projects},"event":"'
    of_person = f',"person":{_quoted(person)},"previous":"'
    previous, event, decided = FIRST_PREVIOUS, "", _not_decided
    for place, step in enumerate(steps, start=1):
        _, count, whose, week, event, at, actor, acting_for, why, reason, *rest = step
        if (count, rest.pop()) != (place, previous) or (whose, week, *rest) != about:
            return False
        moment = at.isoformat(timespec="microseconds")[:-6]
        form = (
            f'{{"acting_for":{_quoted(acting_for)},"actor":{_quoted(actor)},"at":"{moment}Z",'
            f'{middle}{event}","number":{place}{of_person}{previous}","reason":{_quoted(reason)},'
            f"{end}{_quoted(why)}}}"
        )
        previous = sha256(form.encode()).hexdigest()
        if event in _decisions:
            decided = (actor, at, reason, acting_for)
    return (len(steps), previous, decided, _leads_to.get(event)) == (
        *(number, head, tuple(decision), state),
    )


@lru_cache(maxsize=4096)
def _quoted(value: str | None) -> str:
    return _sorted_json(value).decode()


def _sorted_text(minutes: str) -> str:
    return _sorted_json(_minutes(minutes)).decode()


def approval_of(record: asyncpg.Record) -> Approval:
    """Without flags and the other columns that no history determines."""
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
        state=State(state),
        decided_by=decided_by,
        decided_at=decided_at,
        reason=reason,
        acting_for=acting_for,
        steps=steps,
        head=head,
    )
