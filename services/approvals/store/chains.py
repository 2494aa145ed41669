"""Every approval with its history, for checking them: by ranges of the table, with few columns.

Approvals are read in the order in which they lie in the table, and histories lie near each other as
well. In the order of their ids, which are random, each row is on another page of a large table.
Untouched histories are recognised by
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

READ_PAGES = """
    SELECT pg_relation_size('approvals') / current_setting('block_size')::integer
"""
READ_APPROVALS = """
    SELECT id, person, monday, total_minutes, by_day, by_project, submitted_at, state, decided_by,
        decided_at, reason, acting_for, steps, head
    FROM approvals
    WHERE ctid >= $1::text::tid AND ctid < $2::text::tid
"""
READ_HISTORIES = f"""
    SELECT {COLUMNS} FROM history
    WHERE submission_id = ANY ($1::text[]::uuid[])
    ORDER BY submission_id, number
"""
# Of 8 KiB: about a thousand approvals.
PAGES_AT_ONCE = 200

_days = msgspec.json.Decoder(dict[date, int]).decode
_minutes = msgspec.json.Decoder(dict[str, int]).decode
_json = msgspec.json.Encoder().encode
_sorted_json = msgspec.json.Encoder(order="sorted").encode
_week = cache(Week)
_week_name = cache(lambda monday: str(Week(monday)))
_leads_to = {event.value: state.value for event, state in LEADS_TO.items()}
_decisions = (StepKind.APPROVED.value, StepKind.REJECTED.value)
_not_decided = (None, None, None, None)


async def count_pages(connection: asyncpg.Connection) -> int:
    """The pages of the table, at least those that a snapshot taken before sees rows of."""
    pages: int = await connection.fetchval(READ_PAGES)
    return pages


async def read_chains(
    connection: asyncpg.Connection, first: int, end: int
) -> AsyncIterator[tuple[asyncpg.Record, Sequence[asyncpg.Record]]]:
    """The approvals on the pages from `first` to before `end`, each with its history.

    In a repeatable read each row stays where it is.
    """
    for page in range(first, end, PAGES_AT_ONCE):
        bounds = f"({page},0)", f"({min(page + PAGES_AT_ONCE, end)},0)"
        records = await connection.fetch(READ_APPROVALS, *bounds)
        histories: defaultdict[UUID, list[asyncpg.Record]] = defaultdict(list)
        ids = [str(record[0]) for record in records]
        for record in await connection.fetch(READ_HISTORIES, ids):
            histories[record[0]].append(record)
        for record in records:
            yield record, histories[record[0]]


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
        # As `isoformat` of microseconds, in a tenth of its time.
        moment = _json(at) if at.microsecond else _json(at)[:-2] + b'.000000Z"'
        form = (
            f'{{"acting_for":{_quoted(acting_for)},"actor":{_quoted(actor)},"at":{moment.decode()},'
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


@lru_cache(maxsize=4096)
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
