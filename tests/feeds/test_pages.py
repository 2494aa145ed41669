"""A page of events has the effect of its events one by one, wherever it is cut."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from libs.feed import inbox
from libs.feed.applying import Applier
from libs.feed.metrics import FollowerMetrics
from libs.feed.wire import Delivery
from libs.postgres.pool import Database
from libs.postgres.settings import DatabaseSettings
from services.approvals.feeds import HANDLERS as APPROVALS_HANDLERS
from services.entries.feeds import HANDLERS as ENTRIES_HANDLERS
from tests.conftest import Databases
from tests.feeds.conftest import NOON
from tests.support.connections import started
from tests.support.emptying import empty_tables
from tests.support.events import data_of

ERIN, PAT = "auth0|erin", "auth0|pat"
WEEKS = ("2026-W46", "2026-W47")
SUBMISSIONS = [uuid.UUID(int=number) for number in range(4)]
DECIDERS = ("auth0|maya", "auth0|ada")

HANDLERS = {"approvals": APPROVALS_HANDLERS, "entries": ENTRIES_HANDLERS}
# All but what a clock or chance wrote, and of weeks but how often they were written.
SHOWN = {
    "approvals": (
        "SELECT * FROM approvals ORDER BY id",
        "SELECT * FROM history ORDER BY submission_id, number",
        "SELECT * FROM approved_projects ORDER BY person, project",
        "SELECT * FROM people ORDER BY person",
        "SELECT sequence, reason FROM feed_set_aside ORDER BY sequence",
    ),
    "entries": (
        "SELECT person, monday, state, submission_id, reason FROM weeks ORDER BY person, monday",
        "SELECT person, event, actor, reason, submission_id FROM week_history ORDER BY number",
        "SELECT type, subject, time, traceparent, data::text FROM events ORDER BY sequence",
        "SELECT * FROM people ORDER BY person",
        "SELECT sequence, reason FROM feed_set_aside ORDER BY sequence",
    ),
}
ADD_WEEK = """
    INSERT INTO weeks (person, monday, state, submission_id)
    VALUES ($2, to_date($3, 'IYYY"-W"IW'), 'submitted', $1::text::uuid)
"""

numbers = st.integers(0, len(SUBMISSIONS) - 1)
deciders = st.sampled_from(DECIDERS)


def week_of(number: int) -> dict[str, str]:
    """Two people with a week each, two submissions of either."""
    return {
        "submission_id": str(SUBMISSIONS[number]),
        "person": (ERIN, PAT)[number % 2],
        "week": WEEKS[number % 2],
    }


def submitted(number: int, second: int) -> dict[str, Any]:
    return {
        **week_of(number),
        "total_minutes": 480,
        "by_day": {"2026-11-14": 480},
        "by_project": {f"P{number // 2}": 480},
        "entries": [{"source": "app", "note": ""}],
        "submitted_at": (NOON + timedelta(seconds=second)).isoformat(),
    }


events_of_entries = st.one_of(
    st.builds(
        lambda number, second: ("timesheet.submitted", submitted(number, second)),
        numbers,
        st.integers(0, 3),
    ),
    st.builds(
        lambda kind, number, by: (
            kind,
            {**week_of(number), "decided_by": by, "reason": "no", "reopened_by": by},
        ),
        st.sampled_from(
            [
                "timesheet.withdrawn",
                "timesheet.approved",
                "timesheet.rejected",
                "timesheet.reopened",
                "decision.void",
            ]
        ),
        numbers,
        deciders,
    ),
)
events_of_approvals = st.builds(
    lambda number, by, decision: (
        "approval.decided",
        {**week_of(number), "decision": decision, "reason": "no", "decided_by": by},
    ),
    numbers,
    deciders,
    st.sampled_from(["approved", "rejected"]),
)
events_of_profile = st.builds(
    lambda person, manager, version: (
        "person.changed",
        {
            "person": person,
            "name": "Somebody",
            "email": None,
            "kind": "employee",
            "employer": None,
            "manager": manager,
            "active": True,
            "external_ids": {},
            "uploaders": [],
            "target_minutes": 2400,
            "delegate": None,
            "version": version,
        },
    ),
    st.sampled_from([ERIN, PAT]),
    deciders,
    st.integers(1, 3),
)


FOLLOWED = {
    ("approvals", "entries"): events_of_entries,
    ("approvals", "profile"): events_of_profile,
    ("entries", "approvals"): events_of_approvals,
    ("entries", "profile"): events_of_profile,
}


async def outcome(
    db: Database, follower: str, source: str, pages: Iterable[Sequence[Delivery]]
) -> list[list[tuple[Any, ...]]]:
    """The rows of the follower's tables once these pages were applied."""
    await empty_tables(db.settings.dsn)
    holder = uuid.uuid4()
    metrics = FollowerMetrics(CollectorRegistry())
    applier = Applier(db, source, HANDLERS[follower][source], holder, metrics, 60.0)
    async with db.connection() as connection:
        await inbox.acquire_lease(connection, source, holder, 60)
        if follower == "entries":
            await connection.executemany(ADD_WEEK, [tuple(week_of(n).values()) for n in (0, 1)])
    for page in pages:
        await applier.apply(page)
    async with db.connection() as connection:
        return [list(map(tuple, await connection.fetch(query))) for query in SHOWN[follower]]


@pytest.fixture(params=FOLLOWED, ids=" of ".join)
def followed(request: pytest.FixtureRequest) -> tuple[str, str]:
    pair: tuple[str, str] = request.param
    return pair


@pytest.fixture
def followers_url(databases: Databases, followed: tuple[str, str]) -> str:
    return databases.shared(followed[0])


@pytest.fixture
async def follower(followers_url: str) -> AsyncIterator[Database]:
    async with started(DatabaseSettings(followers_url, pool_min=1)) as db:
        yield db


@given(data=st.data())
@settings(
    max_examples=10,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
async def test_a_page_has_the_effect_of_its_events_one_by_one(
    follower: Database, followed: tuple[str, str], data: st.DataObject
) -> None:
    """Some of them cannot be handled, and are set aside alone either way."""
    events = data.draw(st.lists(FOLLOWED[followed], min_size=2, max_size=12))
    broken = data.draw(st.sets(st.integers(0, len(events) - 1), max_size=2))
    events = [
        Delivery(
            number + 1,
            str(number),
            "/v1/x",
            kind,
            str(fields["person"]),
            NOON + timedelta(seconds=number),
            data_of({"person": None} if number in broken else fields),
        )
        for number, (kind, fields) in enumerate(events)
    ]
    cut = data.draw(st.integers(1, len(events)))
    alone = await outcome(follower, *followed, ([event] for event in events))
    together = await outcome(follower, *followed, (events[:cut], events[cut:]))
    assert together == alone
    assert [sequence for sequence, _ in together[-1]] == [number + 1 for number in sorted(broken)]
