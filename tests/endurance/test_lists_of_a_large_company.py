"""The lists of approvals of a large company are read from indexes, few rows of each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import asyncpg
import pytest

from libs.rules.calendar import Week
from services.approvals.model import Caller, DecisionRole, Flag, State, Today
from services.approvals.store import lists, overdue
from services.approvals.store.lists import ApprovalFilter
from services.approvals.store.overdue import FIRST_WEEK, OverdueFilter
from services.approvals.store.unsubmitted import store_changed
from tests.api.approvals.test_plans import nodes
from tests.conftest import Databases
from tests.support.company import MANAGER_OF_MANY, Company, fill
from tests.support.plans import explain

pytestmark = pytest.mark.endurance

COMPANY = Company(people=20_000, weeks=10)
TODAY = Today.at(datetime(2026, 11, 27, 12, 0, tzinfo=UTC))
TABLES = ("approvals", "unsubmitted_weeks")


async def rows_read(
    connection: asyncpg.Connection, statement: str, arguments: Sequence[object]
) -> dict[str, int]:
    """Run the statement and count the rows read of each table; fail if all approvals are."""
    answer = await explain(connection, statement, arguments, "ANALYZE, FORMAT JSON")
    read = dict.fromkeys(TABLES, 0)
    for node in nodes(json.loads(answer)[0]["Plan"]):
        table = node.get("Relation Name")
        if table in read and node["Actual Loops"]:
            assert (table, node["Node Type"]) != ("approvals", "Seq Scan"), node
            removed = node.get("Rows Removed by Filter", 0)
            read[table] += round((node["Actual Rows"] + removed) * node["Actual Loops"])
    return read


async def test_lists_of_20_000_people_read_few_rows(databases: Databases) -> None:
    url = databases.own("approvals")
    await fill("approvals", url, COMPANY)
    connection = await asyncpg.connect(url)
    stored = 1
    while stored:
        async with connection.transaction():
            stored = await store_changed(connection, 1000)
    await connection.execute("VACUUM ANALYZE")

    administrator, manager = Caller("auth0|head", administers=True), Caller(MANAGER_OF_MANY)
    selections: list[dict[str, Any]] = [
        {},
        *({"state": state} for state in State),
        {"week": Week.parse("2026-W44")},
        {"week": Week.parse("2026-W47"), "state": State.PENDING},
        {"person": "auth0|7"},
        *({"flags": flags} for flags in ((), (Flag.OFF_TARGET,), (Flag.HOLIDAY,))),
        {"state": State.PENDING, "flags": (Flag.HOLIDAY,)},
        *({"why": role} for role in DecisionRole),
        {"state": State.PENDING, "why": DecisionRole.MANAGER},
    ]
    # As manager: the first of each of 500 people, for a role both decided and not, and the page.
    for caller, most in ((administrator, 250), (manager, 1_300)):
        for selection in selections:
            filter_ = ApprovalFilter(caller, TODAY, limit=51, **selection)
            read = await rows_read(connection, *lists.list_statement(filter_))
            assert read["approvals"] <= most, filter_
    for caller, most, counted in ((administrator, 102, 0), (manager, 2_000, 2_000)):
        page = OverdueFilter(caller, TODAY, FIRST_WEEK, TODAY.last_week, date.min, "", 51)
        read = await rows_read(connection, *overdue.list_statement(page))
        assert read["approvals"] == 0
        assert read["unsubmitted_weeks"] <= most
        read = await rows_read(connection, *overdue.count_statement(caller, TODAY))
        assert read["approvals"] == 0
        # One week in a hundred was never submitted.
        assert read["unsubmitted_weeks"] <= counted
    await connection.close()
