"""The implementations agree on cases that nobody thought of."""

from __future__ import annotations

from dataclasses import replace

import asyncpg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.entries.model import State
from tests.api.entries.agency import Agency
from tests.rules.cases import (
    ACTIVE,
    DAY,
    DAY_BEFORE,
    ENDED,
    INTERNAL,
    LAST_AHEAD,
    NEXT_DAY,
    NONE,
    OTHER_WEEK,
    PROJECTS,
    STRICT,
    TOO_FAR,
    Case,
    Values,
)
from tests.rules.implementations import (
    Api,
    Sql,
    Upload,
    agrees_with_sql,
    agrees_with_upload,
    by_app,
    by_model,
)
from tests.rules.test_rules import fits
from tests.support.client import Service
from tests.support.issuer import Issuer

DAYS = (DAY, NEXT_DAY, OTHER_WEEK)
CASES_OVER_HTTP = 30


def states() -> st.SearchStrategy[State]:
    return st.sampled_from([State.OPEN, State.OPEN, State.SUBMITTED, State.APPROVED])


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A case whose entry could be there: it was written while everything was open."""
    before = draw(
        st.none()
        | st.builds(
            Values,
            date=st.sampled_from(DAYS),
            project=st.sampled_from([ACTIVE, INTERNAL, ENDED]),
            minutes=st.sampled_from([1, 30, 60]),
            billable=st.booleans(),
        )
    )
    after = st.builds(
        Values,
        date=st.sampled_from([*DAYS, DAY_BEFORE, LAST_AHEAD, TOO_FAR]),
        project=st.sampled_from([ACTIVE, INTERNAL, ENDED, STRICT, NONE]),
        minutes=st.sampled_from([1, 30, 60, 61, 90]),
        billable=st.sampled_from([None, True, False]),
        note=st.sampled_from(["", "why"]),
    )
    return Case(
        before=before,
        after=draw(after if before is None else after | st.none()),
        state=draw(states()),
        other_state=draw(states()),
        closed_through=draw(st.sampled_from([None, None, DAY_BEFORE, DAY, NEXT_DAY])),
        others=draw(st.sampled_from([0, 1350, 1379, 1380])),
    )


@given(case=cases())
@settings(max_examples=500)
def test_the_app_agrees_with_the_model(case: Case) -> None:
    assert by_app(case) == by_model(case)


@pytest.mark.parametrize(
    "number",
    [
        CASES_OVER_HTTP,
        pytest.param(1000, marks=[pytest.mark.endurance, pytest.mark.timeout(1800)]),
    ],
)
async def test_the_api_uploads_and_the_database_agree_with_the_model(
    entries: Service, issuer: Issuer, connection: asyncpg.Connection, number: int
) -> None:
    agency = Agency(entries, issuer)
    apis = [Api(method, entries, connection) for method in ("POST", "PUT", "PATCH")]
    uploads = [Upload(query, agency, connection) for query in ("", "?on_error=skip")]
    wrong: list[tuple[object, ...]] = []
    for case in drawn(number):
        expected = by_model(case)
        for api in apis:
            if fits(api.method, case) and (outcome := await api(case)) != expected:
                wrong.append((api.method, case, expected, outcome))
        for upload in [] if keeps_billable(case) else uploads:
            if not agrees_with_upload(outcome := await upload(case), expected):
                wrong.append((upload.query, case, expected, outcome))
        if not changes_nothing(case):
            stored = await Sql(connection)(case)
            if not agrees_with_sql(stored, expected):
                wrong.append(("sql", case, expected, stored))
    assert wrong == []


def drawn(number: int) -> list[Case]:
    """Cases by chance, which hypothesis prints the seed of."""
    found: list[Case] = []

    @given(case=cases())
    @settings(max_examples=number, database=None)
    def collect(case: Case) -> None:
        found.append(case)

    collect()
    return found


def keeps_billable(case: Case) -> bool:
    """A row that names no `billable` is the same as one that did, if nothing else changes."""
    if case.before is None or case.after is None or case.after.billable is not None:
        return False
    return replace(case.before, billable=None) == case.after


def changes_nothing(case: Case) -> bool:
    """The API and uploads leave such an entry alone; a statement writes it again."""
    if case.before is None or case.after is None:
        return False
    default = PROJECTS.get(case.after.project, True)
    billable = default if case.after.billable is None else case.after.billable
    return replace(case.after, billable=billable) == case.before
