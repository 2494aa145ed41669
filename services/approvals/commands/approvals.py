"""Reading approvals as far as the caller may see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from libs.postgres.pool import Database
from libs.rules.errors import NotVisible
from services.approvals.chain import Step
from services.approvals.model import (
    Authority,
    Caller,
    Today,
    authority_of,
    check_visible,
)
from services.approvals.store.approvals import (
    ApprovalWithContext,
    Submitted,
    read_approval,
    read_submitted,
)
from services.approvals.store.history import read_history


@dataclass(frozen=True, slots=True)
class ApprovalDetails:
    """An approval with all that was submitted and all that happened to it.

    `authority` is the caller's.
    """

    found: ApprovalWithContext
    authority: Authority | None
    submitted: Submitted
    history: Sequence[Step]


async def show_details(
    database: Database, approval_id: UUID, caller: Caller, today: Today
) -> ApprovalDetails:
    """Raises `NotVisible`."""
    async with database.connection() as connection:
        found, authority = await _read_visible(connection, approval_id, caller, today)
        return await load_details(connection, found, authority)


async def show_history(
    database: Database, approval_id: UUID, caller: Caller, today: Today
) -> Sequence[Step]:
    """Raises `NotVisible`."""
    async with database.connection() as connection:
        await _read_visible(connection, approval_id, caller, today)
        return await read_history(connection, approval_id)


async def load_details(
    connection: asyncpg.Connection, found: ApprovalWithContext, authority: Authority | None
) -> ApprovalDetails:
    """The approval with what was submitted and its history."""
    submitted = await read_submitted(connection, found.approval.id)
    history = await read_history(connection, found.approval.id)
    return ApprovalDetails(found, authority, submitted, history)


def authority_over(found: ApprovalWithContext, caller: Caller, today: Today) -> Authority | None:
    """As what the caller may decide this approval."""
    return authority_of(found.approval.person, found.manager, caller, today)


async def _read_visible(
    connection: asyncpg.Connection, approval_id: UUID, caller: Caller, today: Today
) -> tuple[ApprovalWithContext, Authority | None]:
    found = await read_approval(connection, approval_id)
    if found is None:
        raise NotVisible
    authority = authority_over(found, caller, today)
    check_visible(found.approval, authority, caller.person)
    return found, authority
