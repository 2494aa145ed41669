"""Long lists: complete while people come and go, and served by an index."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import date

import pytest

from services.profile.names import query_prefixes, search_words, sort_key
from services.profile.store import directory, people
from services.profile.store.directory import PeopleFilter
from tests.api.profile.conftest import draft
from tests.conftest import Databases
from tests.support.client import Caller
from tests.support.connections import connected
from tests.support.plans import explain

PEOPLE = 20_000
FIRST = ("Ada", "Ben", "Chloe", "Dora", "Erin", "Finn", "Grete", "Hugo", "Ida", "Jan")
LAST = ("Abel", "Braun", "Claus", "Dietz", "Ernst", "Fink", "Groß", "Haas", "Imhof", "Jäger")

ADD = """
    INSERT INTO people
        (person, name, email, kind, manager, active, target_minutes, uploaders, locale, time_zone,
         reminders, claims_expire_at, sort_name, words)
    SELECT person, name, email, kind, manager, active, 2400, '{}', 'en', 'UTC', true, 0, sort_name,
           array_to_tsvector(string_to_array(words, ' '))
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::boolean[],
                $7::text[], $8::text[])
        AS row (person, name, email, kind, manager, active, sort_name, words)
"""
ADD_IDS = """
    INSERT INTO external_ids (person, system, external_id, active)
    SELECT person, 'harvest', person, active FROM people
"""
ADD_CONTRACTS = """
    INSERT INTO contracts SELECT person, '2026-01-01', '[480,480,480,480,480,0,0]', 'DE' FROM people
"""
# Two in a hundred signed in with the e-mail of somebody else.
TWINS = """
    UPDATE people SET email = NULL, claimed_email = '1' || substr(email, 2)
    WHERE person LIKE '%31' OR person LIKE '%77'
"""
# Every hundredth has a delegate; each delegate has two.
DELEGATE = """
    UPDATE people
    SET delegate = 'auth0|' || lpad((substr(person, 7)::integer / 200)::text, 5, '0'),
        delegate_since = '2026-11-01', delegate_until = '2026-12-31'
    WHERE person LIKE '%50'
"""


def row(number: int) -> tuple[object, ...]:
    """One of ten first names, of a hundred last names; ten report to each manager."""
    name = f"{FIRST[number % 10]} {LAST[number // 10 % 10]}{number // 100 % 10} {number}"
    email = f"{number}@exampleco.com"
    return (
        f"auth0|{number:05}",
        name,
        email,
        "contractor" if number % 21 == 0 else "employee",
        f"auth0|{number // 10:05}" if number >= 10 else None,
        number % 50 != 0,
        sort_key(name),
        " ".join(search_words(name, email)),
    )


async def add(url: str, count: int) -> None:
    columns = [list(column) for column in zip(*map(row, range(count)), strict=True)]
    async with connected(url) as connection:
        # A trigger for each row looks for cycles, of which there are none.
        await connection.execute("ALTER TABLE people DISABLE TRIGGER USER")
        await connection.execute(ADD, *columns)
        await connection.execute("ALTER TABLE people ENABLE TRIGGER USER")
        for statement in (ADD_IDS, ADD_CONTRACTS, DELEGATE, TWINS, "VACUUM ANALYZE"):
            await connection.execute(statement)


@pytest.fixture(scope="module")
def filled_database(databases: Databases) -> str:
    url = databases.own("profile")
    asyncio.run(add(url, PEOPLE))
    return url


ALL = PeopleFilter("", "", 51)
LISTS = {
    "everybody": (ALL, "people_by_name"),
    "everybody after a page": (replace(ALL, sort_name="erin", person="x"), "people_by_name"),
    "a name": (replace(ALL, prefixes=query_prefixes("Erin Jäger7")), "people_by_words"),
    "the beginnings of a name": (
        replace(ALL, prefixes=query_prefixes("er jäg 1999")),
        "people_by_words",
    ),
    "an e-mail": (replace(ALL, prefixes=query_prefixes("12345@ex")), "people_by_words"),
    "a name after a page": (
        replace(ALL, prefixes=query_prefixes("groß7"), sort_name="erin", person="x"),
        "people_by_words",
    ),
    "a manager": (replace(ALL, manager="auth0|00777"), "people_by_manager"),
    "contractors": (replace(ALL, kind="contractor"), "people_by_kind"),
    "contractors after a page": (
        replace(ALL, kind="contractor", sort_name="erin", person="x"),
        "people_by_kind",
    ),
    "the former": (replace(ALL, active=False), "people_by_active"),
    "an e-mail address": (replace(ALL, email="12345@EXAMPLECO.com"), "people_by_any_email"),
    "an external id": (replace(ALL, external_id="auth0|00778"), "external_ids_by_id"),
    "an external id in a system": (
        replace(ALL, external_id="harvest:auth0|00778"),
        "external_ids_by_id",
    ),
    "duplicates": (replace(ALL, duplicates=True), "people_without_email"),
    "a manager's contractors": (
        replace(ALL, manager="auth0|00777", kind="contractor"),
        "people_by_manager",
    ),
    "a name among a manager's people": (
        replace(ALL, prefixes=query_prefixes("erin"), manager="auth0|00778", active=True),
        "people_by_manager",
    ),
    "a name among contractors": (
        replace(ALL, prefixes=query_prefixes("jäger9 1999"), kind="contractor"),
        "people_by_words",
    ),
}


def assert_served_by(plan: str, index: str) -> None:
    assert re.search(rf"Index (Only )?Scan using {index} |Bitmap Index Scan on {index} ", plan), (
        plan
    )
    assert "Seq Scan" not in plan, plan


@pytest.mark.parametrize("name", LISTS)
async def test_every_list_of_20000_people_is_served_by_an_index(
    filled_database: str, name: str
) -> None:
    filters, index = LISTS[name]
    async with connected(filled_database) as connection:
        plan = await explain(connection, *filters.statement())
    assert_served_by(plan, index)
    blocks = re.search(r"Buffers: shared hit=(\d+)", plan)
    assert blocks is not None
    assert int(blocks[1]) < 1500, plan
    async with connected(filled_database) as connection:
        assert await directory.list_people(connection, filters)


SINGLE: dict[str, tuple[str, list[object], str]] = {
    "people.READ": (people.READ, ["auth0|00777"], "people_pkey"),
    "directory.LIST_DELEGATORS": (
        directory.LIST_DELEGATORS,
        ["auth0|00007", date(2026, 11, 23)],
        "people_by_delegate",
    ),
    "directory.READ_ABOVE": (directory.READ_ABOVE, ["auth0|19999"], "people_pkey"),
    "directory.READ_EMAIL_OWNER": (
        directory.READ_EMAIL_OWNER,
        ["777@EXAMPLECO.com", "auth0|00000"],
        "people_by_email",
    ),
    "directory.READ_ID_OWNERS": (
        directory.READ_ID_OWNERS,
        [["harvest"], ["auth0|00007"], "auth0|00000"],
        "external_ids_by_id",
    ),
}


@pytest.mark.parametrize("name", SINGLE)
async def test_every_other_question_is_served_by_an_index_too(
    filled_database: str, name: str
) -> None:
    statement, arguments, index = SINGLE[name]
    async with connected(filled_database) as connection:
        plan = await explain(connection, statement, arguments)
    assert_served_by(plan, index)


async def test_a_list_of_1000_is_complete_while_people_come(
    ada: Caller, profile_database: str
) -> None:
    await add(profile_database, 1000)
    seen: list[str] = []
    path = "/v1/people?limit=200"
    while path:
        reply = await ada.get(path)
        seen += [item["person"] for item in reply.json["items"]]
        path = reply.json["next"]
        for name in ("Aaron", "Zoe"):
            key = f"{name}{len(seen)}".lower()
            await ada.put(f"/v1/people/auth0%7C{key}", draft(key, name=f"{name} {len(seen)}"))
    assert len(seen) == len(set(seen))
    assert {f"auth0|{number:05}" for number in range(1000)} <= set(seen)
