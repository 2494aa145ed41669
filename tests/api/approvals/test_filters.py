"""Every combination of filters makes a statement that takes its arguments."""

from __future__ import annotations

import itertools
import uuid
from datetime import UTC, datetime

import asyncpg

from libs.rules.calendar import Week
from services.approvals.model import Caller, DecisionRole, State, Today
from services.approvals.store.lists import ApprovalFilter, list_approvals

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
OPTIONS = {
    "caller": (Caller("auth0|maya"), Caller("auth0|ada", administers=True)),
    "state": (None, *State),
    "why": (None, *DecisionRole),
    "person": (None, "auth0|erin"),
    "week": (None, Week.parse("2026-W47")),
    "after": (None, (NOON, uuid.UUID(int=7))),
}


async def test_a_list_takes_any_combination_of_filters(connection: asyncpg.Connection) -> None:
    today = Today.at(NOON)
    for values in itertools.product(*OPTIONS.values()):
        filters = ApprovalFilter(today=today, limit=51, **dict(zip(OPTIONS, values, strict=True)))
        assert await list_approvals(connection, filters) == [], filters
