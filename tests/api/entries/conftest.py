"""The callers and projects that the tests of entries begin with."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.client import ADMINISTRATOR, Caller, Reply, Service


class Week:
    """The present week of the standing clock, and its neighbours."""

    THIS = "2026-W48"
    LAST = "2026-W47"
    NEXT = "2026-W49"
    MONDAY = "2026-11-23"
    TUESDAY = "2026-11-24"


def draft(**fields: Any) -> dict[str, Any]:
    return {"date": Week.MONDAY, "project": "APOLLO", "minutes": 60, **fields}


async def log(caller: Caller, **fields: Any) -> Reply:
    reply = await caller.post("/v1/entries", draft(**fields))
    assert reply.status == 201, reply.json
    return reply


@pytest.fixture
async def ada(entries: Service) -> Caller:
    """The administrator, who has set up two projects."""
    caller = entries.caller("ada", ADMINISTRATOR)
    for code, customer in (("APOLLO", "Big Company"), ("ZEUS", "Small Company")):
        project = {"name": code.title(), "customer": customer, "billable": code == "APOLLO"}
        assert (await caller.post(f"/v1/projects/{code}", project)).status == 201
    return caller


@pytest.fixture
async def erin(entries: Service, ada: Caller) -> Caller:  # noqa: ARG001 - projects first
    return entries.caller("erin")


@pytest.fixture
async def carl(entries: Service) -> Caller:
    return entries.caller("carl")
