"""The list of absences reads the person's alone, by an index."""

from __future__ import annotations

import re
import uuid
from datetime import date

import asyncpg
import pytest

from services.entries.store.absences import LIST
from tests.support.plans import explain

ADD = """
    INSERT INTO absences (person, id, first_day, last_day, kind, portion, note)
    SELECT 'auth0|' || person, gen_random_uuid(), first, first, 'vacation', 1, ''
    FROM generate_series(1, 200) AS person,
        generate_series(0, 99) AS number,
        LATERAL (SELECT date '2025-01-01' + 7 * number) AS day (first)
"""


@pytest.mark.parametrize("since", [date(1970, 1, 1), date(2026, 1, 1)])
async def test_the_list_of_absences_is_bounded_by_an_index(
    entries_database: str, since: date
) -> None:
    connection = await asyncpg.connect(entries_database)
    await connection.execute(ADD)
    await connection.execute("ANALYZE absences")
    arguments = ("auth0|7", since, date(2027, 12, 31), date(1970, 1, 1), uuid.UUID(int=0), 51)
    plan = await explain(connection, LIST, arguments)
    await connection.close()
    assert "Seq Scan" not in plan, plan
    # Of 20,000 absences those of the person, which are few enough to be sorted.
    assert re.search(r"Index Cond: \(+person = \$1", plan), plan
