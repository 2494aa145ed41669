"""Every implementation of the rules of entries says what the table says."""

from __future__ import annotations

import asyncpg
import pytest

from tests.api.entries.agency import Agency
from tests.rules.cases import TABLE, Case
from tests.rules.implementations import (
    Api,
    Sql,
    Upload,
    agrees_with_sql,
    agrees_with_upload,
    by_app,
    by_model,
)
from tests.support.client import Service
from tests.support.issuer import Issuer


@pytest.mark.parametrize("name", TABLE)
def test_the_model_follows_the_table(name: str) -> None:
    case, expected = TABLE[name]
    assert by_model(case) == expected


@pytest.mark.parametrize("name", TABLE)
def test_the_app_follows_the_table(name: str) -> None:
    case, expected = TABLE[name]
    assert by_app(case) == expected


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
async def test_the_api_follows_the_table(
    entries: Service, connection: asyncpg.Connection, method: str
) -> None:
    api = Api(method, entries, connection)
    wrong = {}
    for name, (case, expected) in TABLE.items():
        if fits(method, case) and (outcome := await api(case)) != expected:
            wrong[name] = outcome
    assert wrong == {}


@pytest.mark.parametrize("query", ["", "?on_error=skip"])
async def test_uploads_follow_the_table(
    entries: Service, issuer: Issuer, connection: asyncpg.Connection, query: str
) -> None:
    upload = Upload(query, Agency(entries, issuer), connection)
    wrong = {}
    for name, (case, expected) in TABLE.items():
        outcome = await upload(case)
        if not agrees_with_upload(outcome, expected):
            wrong[name] = outcome
    assert wrong == {}


async def test_the_database_follows_the_table(connection: asyncpg.Connection) -> None:
    sql = Sql(connection)
    wrong = {}
    for name, (case, expected) in TABLE.items():
        if name.startswith("the same"):
            continue  # it writes what it is given
        outcome = await sql(case)
        if not agrees_with_sql(outcome, expected):
            wrong[name] = outcome
    assert wrong == {}


def fits(method: str, case: Case) -> bool:
    """POST creates, PATCH changes, PUT does both. A deletion has a method of its own."""
    if case.after is None:
        return method == "PUT"
    return (method == "PUT") or (method == "POST") == (case.before is None)
