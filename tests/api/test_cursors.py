"""Cursors that no list ever gave, with values that no row can have."""

from __future__ import annotations

import base64
import itertools
import json

from tests.conftest import Guarded
from tests.support.client import ADMINISTRATOR, Caller

TEXT = ["", "x" * 20, "\U0010ffff", "\ud800"]
NUMBERS = [-1, 0, 2**31, 2**40, 2**63 - 1, 2**63, 2**64 - 1]
DATES = ["0001-01-01", "9999-12-31"]
MOMENTS = ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]
IDS = ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"]
VALUES = [*TEXT, *NUMBERS, *DATES, *MOMENTS, *IDS]

REQUIRED = {
    "/v1/reports/totals": "group_by=project&",
    "/v1/reports/missing": "week=2026-W47&",
}


def cursor_of(key: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).rstrip(b"=").decode()


KEYS = [
    *([value] for value in VALUES),
    *(list(pair) for pair in itertools.product(VALUES, ["", IDS[1]])),
    *([[value]] for value in VALUES),
]


async def takes(caller: Caller, path: str, parameter: str) -> bool:
    reply = await caller.get(f"{path}?{REQUIRED.get(path, '')}{parameter}=x")
    return reply.status == 422 and reply.codes == {(f"/{parameter}", "cursor")}


async def test_a_forged_cursor_is_refused_or_leads_to_a_page_but_never_to_an_error(
    guarded: Guarded,
) -> None:
    caller = guarded.service.caller("ada", ADMINISTRATOR)
    lists = [
        (route.template, parameter)
        for route in guarded.routes
        for parameter in ("cursor", "approved_since")
        if route.method == "GET"
        and "{" not in route.template
        and await takes(caller, route.template, parameter)
    ]
    assert lists
    wrong = []
    for (path, parameter), key in itertools.product(lists, KEYS):
        query = f"{REQUIRED.get(path, '')}{parameter}={cursor_of(key)}"
        reply = await caller.get(f"{path}?{query}")
        if reply.status != 200 and (reply.status, reply.codes) != (
            422,
            {(f"/{parameter}", "cursor")},
        ):
            wrong.append((path, key, reply.status))
    assert wrong == []
