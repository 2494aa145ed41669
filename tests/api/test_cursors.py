"""Cursors that no list ever gave, with values that no row can have."""

from __future__ import annotations

import base64
import itertools
import json
from datetime import date

import msgspec
import pytest

from libs.web.paging import decode_cursor, encode_cursor
from libs.web.problems import UnprocessableContent
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


class NameKey(msgspec.Struct, array_like=True):
    """The last row of a list by name and day."""

    name: str
    day: date


class OtherKey(msgspec.Struct, array_like=True):
    """The same values in another list."""

    name: str
    day: date


def test_a_cursor_is_that_of_its_list_only() -> None:
    key = NameKey("ä", date(2026, 11, 23))
    assert decode_cursor(encode_cursor(key), NameKey) == key
    with pytest.raises(UnprocessableContent):
        decode_cursor(encode_cursor(key), OtherKey)


def test_a_cursor_of_an_earlier_release_has_no_name() -> None:
    assert decode_cursor(cursor_of(["ä", "2026-11-23"]), NameKey) == NameKey(
        "ä", date(2026, 11, 23)
    )
    for forged in (["ä", "2026-11-23", "x"], ["ä", "2026-11-23", "NameKey", "NameKey"]):
        with pytest.raises(UnprocessableContent):
            decode_cursor(cursor_of(forged), NameKey)
