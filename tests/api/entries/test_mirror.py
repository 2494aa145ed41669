"""A mirror of approved hours is always right: what payroll pays is what was approved."""

from __future__ import annotations

import random

import asyncpg
import pytest

from tests.api.entries.agency import learn
from tests.api.entries.mirror import Company, Mirror, approved, keep_mirror
from tests.support.client import Caller, Service
from tests.support.issuer import Issuer


@pytest.mark.parametrize(
    ("steps", "kills"),
    [(80, 5), pytest.param(500, 20, marks=[pytest.mark.endurance, pytest.mark.timeout(600)])],
)
async def test_a_mirror_equals_the_database_whatever_happens_and_whenever_its_reader_dies(
    entries: Service,
    issuer: Issuer,
    ada: Caller,
    connection: asyncpg.Connection,
    steps: int,
    kills: int,
) -> None:
    for person in ("erin", "carl"):
        await learn(connection, person)
    company = Company(entries, issuer, connection, ada, random.Random(steps))
    mirror, payroll = Mirror(), entries.caller("payroll", "read:reports")
    await keep_mirror(company, mirror, payroll, steps=steps, kills=kills)
    expected = await approved(connection)
    assert expected
    assert mirror.content == expected
