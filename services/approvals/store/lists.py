"""Lists of approvals: few rows are read, however long the past and however large the company.

A list consists of parts, each of which an index answers in the order of the list: the approvals of
the caller's team, those that the caller decided, those of everybody. The page is the oldest of all.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from libs.rules.calendar import Week
from services.approvals.model import Caller, DecisionRole, Flag, State, Today
from services.approvals.store.approvals import IN_CONTEXT, ApprovalWithContext, in_context
from services.approvals.store.people import MANAGED, TEAM

# The oldest few of each person, together more than a page has rows. The page ends by the last of
# these that fits on it, and consists of approvals of the people who have one until then.
OLDEST = """
    people_{number} AS MATERIALIZED (SELECT person FROM {people} WHERE {chosen}),
    oldest_{number} AS MATERIALIZED (
        SELECT one.person, oldest.submitted_at, oldest.id
        FROM people_{number} AS one CROSS JOIN LATERAL (
            SELECT approval.submitted_at, approval.id
            FROM approvals AS approval
            WHERE approval.person = one.person AND {conditions}
            ORDER BY approval.submitted_at, approval.id
            LIMIT (
                SELECT least({limit}, 1 + 2 * {limit} / greatest(count(*), 1))
                FROM people_{number}
            )
        ) AS oldest
        ORDER BY oldest.submitted_at, oldest.id
        LIMIT {limit}
    )
"""
OF_TEAM = """
    SELECT approval.id, approval.submitted_at
    FROM (SELECT DISTINCT person FROM oldest_{number}) AS one CROSS JOIN LATERAL (
        SELECT approval.id, approval.submitted_at
        FROM approvals AS approval
        WHERE approval.person = one.person AND {conditions}
          AND approval.submitted_at <= coalesce(
              (
                  SELECT submitted_at FROM oldest_{number}
                  ORDER BY submitted_at, id OFFSET {limit} - 1
              ),
              'infinity'
          )
        ORDER BY approval.submitted_at, approval.id
        LIMIT {limit}
    ) AS approval
"""
OF_EVERYBODY = """
    SELECT approval.id, approval.submitted_at
    FROM approvals AS approval
    {joined}
    WHERE {conditions}
    ORDER BY approval.submitted_at, approval.id
    LIMIT {limit}
"""
LIST = f"""
    {IN_CONTEXT}
    WHERE approval.id IN (
        SELECT id FROM ({{found}}) AS found ORDER BY submitted_at, id LIMIT {{limit}}
    )
    ORDER BY approval.submitted_at, approval.id
"""

LIMIT = "$4::bigint"
NOT_OWN = "approval.person <> $1"
OWN_DECISION = "approval.decided_by = $1"

# An approval shows the role of its decider. One that nobody decided shows as what the caller may
# decide it, as `authority_of` of the model says: of these, only administrators see weeks that are
# neither of their own team nor of that of a manager whose delegate they are.
UNDECIDED = "approval.decided_by IS NULL"
PEOPLE_OF_ROLE = {
    DecisionRole.MANAGER: ("team", "manager = $1"),
    DecisionRole.DELEGATE: ("team", "manager <> $1"),
    DecisionRole.UNASSIGNED: ("unassigned", "person <> $1"),
}
# Most weeks of a company are of this role.
IS_ADMINISTRATORS = """
    manager.active AND person.manager NOT IN (approval.person, $1)
    AND (manager.delegate = $1 AND delegate.active
        AND manager.delegate_from <= $3::date AND manager.delegate_to >= $2::date) IS NOT TRUE
"""
PEOPLE = f"""
    LEFT JOIN people AS person ON person.person = approval.person
    {MANAGED}
"""
# The people without a manager who could decide, with those whom profile has not published.
# Triggers keep them (migration 0011), but may keep some who have a manager by now. A subquery for
# each and not a join: they are too few for statistics, without which the planner expects many.
UNASSIGNED = """
    unassigned AS (
        SELECT person FROM unassigned_people AS known
        WHERE (
            SELECT manager.active AND manager.person <> person.person
            FROM people AS person JOIN people AS manager ON manager.person = person.manager
            WHERE person.person = known.person
        ) IS NOT TRUE
    )
"""


@dataclass(frozen=True, slots=True)
class ApprovalFilter:
    """Which approvals, after the key `after` (`submitted_at`, `id`), if any.

    `flags`: () is for those without any, None for all.
    """

    caller: Caller
    today: Today
    limit: int
    state: State | None = None
    person: str | None = None
    week: Week | None = None
    flags: tuple[Flag, ...] | None = None
    why: DecisionRole | None = None
    after: tuple[datetime, uuid.UUID] | None = None


async def list_approvals(
    connection: asyncpg.Connection, filter_: ApprovalFilter
) -> list[ApprovalWithContext]:
    """Oldest submission first."""
    statement, arguments = list_statement(filter_)
    return [in_context(record) for record in await connection.fetch(statement, *arguments)]


def list_statement(filter_: ApprovalFilter) -> tuple[str, list[Any]]:
    """A statement with only the conditions of the filter, so that an index fits; its arguments."""
    why, parts = filter_.why, _Parts(filter_)
    conditions = _conditions(filter_, parts)
    if why is None:
        _add_parts(filter_, parts, conditions)
    elif filter_.state is State.PENDING:
        # The planner would not know that nobody decided these.
        _add_undecided(filter_.caller, why, parts, conditions)
    else:
        _add_parts(filter_, parts, [*conditions, f"approval.why = '{why.value}'"])
        _add_undecided(filter_.caller, why, parts, [*conditions, UNDECIDED])
    if not parts.parts:
        parts.add(["false", *conditions])
    found = " UNION ".join(f"({part})" for part in parts.parts)
    clauses = ", ".join((TEAM, *parts.clauses))
    return f"WITH {clauses}" + LIST.format(found=found, limit=LIMIT), parts.arguments


class _Parts:
    """The parts of a list, the WITH clauses that they need, and the arguments of both."""

    def __init__(self, filter_: ApprovalFilter) -> None:
        today = filter_.today
        self.arguments: list[Any] = [filter_.caller.person, today.first, today.last, filter_.limit]
        self.clauses: list[str] = []
        self.parts: list[str] = []
        self.person = None if filter_.person is None else self.parameter(filter_.person)

    def parameter(self, value: Any) -> str:
        self.arguments.append(value)
        return f"${len(self.arguments)}"

    def add_people(self, conditions: Sequence[str], people: str, chosen: str = "true") -> None:
        """The approvals of the chosen ones of these people."""
        terms = {"number": len(self.clauses), "conditions": " AND ".join(conditions)}
        if self.person is not None:
            chosen += f" AND person = {self.person}"
        self.clauses.append(OLDEST.format(people=people, chosen=chosen, limit=LIMIT, **terms))
        self.parts.append(OF_TEAM.format(limit=LIMIT, **terms))

    def add(self, conditions: Sequence[str], joined: str = "") -> None:
        """The approvals of everybody."""
        if self.person is not None:
            conditions = [*conditions, f"approval.person = {self.person}"]
        where = " AND ".join(conditions)
        self.parts.append(OF_EVERYBODY.format(joined=joined, conditions=where, limit=LIMIT))


def _add_parts(filter_: ApprovalFilter, parts: _Parts, conditions: Sequence[str]) -> None:
    if filter_.caller.administers:
        parts.add([NOT_OWN, *conditions])
        return
    parts.add_people(conditions, "team")
    if filter_.state is not State.PENDING:
        parts.add([OWN_DECISION, *conditions])


def _add_undecided(
    caller: Caller, why: DecisionRole, parts: _Parts, conditions: Sequence[str]
) -> None:
    """Those that nobody decided, by what the caller may decide them as."""
    if why in (DecisionRole.MANAGER, DecisionRole.DELEGATE):
        parts.add_people(conditions, *PEOPLE_OF_ROLE[why])
    elif caller.administers and why is DecisionRole.UNASSIGNED:
        parts.clauses.append(UNASSIGNED)
        parts.add_people(conditions, *PEOPLE_OF_ROLE[why])
    elif caller.administers:
        parts.add([NOT_OWN, IS_ADMINISTRATORS, *conditions], PEOPLE)


def _conditions(filter_: ApprovalFilter, parts: _Parts) -> list[str]:
    conditions = ["true"]
    if filter_.after is not None:
        time, key = map(parts.parameter, filter_.after)
        # Not a comparison of rows: in an index it takes longer than all the rest of the search.
        conditions += [
            f"approval.submitted_at >= {time}",
            f"(approval.submitted_at > {time} OR approval.id > {key})",
        ]
    # States and flags are literals, so that the planner knows how many there are of each, and
    # because each flag has partial indexes.
    if filter_.state is not None:
        conditions.append(f"approval.state = '{filter_.state.value}'")
    if filter_.week is not None:
        conditions.append(f"approval.monday = {parts.parameter(filter_.week.monday)}")
    if filter_.flags == ():
        conditions.append("approval.flags = '{}'")
    elif filter_.flags:
        conditions += [f"approval.flags @> '{{{flag.value}}}'::text[]" for flag in filter_.flags]
    return conditions
