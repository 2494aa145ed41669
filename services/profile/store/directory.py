"""The directory: lists of people, and what decides whether one may be saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import asyncpg

from libs.postgres.records import RecordType
from services.profile.model import Person, PersonContext
from services.profile.store.people import COLUMNS, JOINS, SAME_EMAIL_AS, KnownPerson, known_person

# By name; the key of the page before is ($1, $2). Each set of filters has a statement of its own:
# the plan of one for all of them would use none of the indexes. Its limit is no parameter: not
# knowing it, PostgreSQL would look for a rare name among all people in the order of their names.
LIST = f"""
    SELECT {COLUMNS}
    FROM (
        SELECT * FROM people AS person
        WHERE (person.sort_name, person.person) > ($1, $2)
        {{conditions}}
        ORDER BY person.sort_name, person.person
        LIMIT {{limit}}
    ) AS person
    {JOINS}
    ORDER BY person.sort_name, person.person
"""

WORDS = "person.words @@ {}::tsquery"
MANAGER = "person.manager = {}"
KIND = "person.kind = {}"
ACTIVE = "person.active = {}"
EMAIL = "lower(person.email) = lower({})"
# The id in any system, or `system:id`.
EXTERNAL_ID = """person.person IN (
        SELECT known.person FROM external_ids AS known WHERE known.external_id = {0}
        UNION ALL
        SELECT known.person FROM external_ids AS known
        WHERE known.external_id = substr({0}, strpos({0}, ':') + 1)
          AND known.system = split_part({0}, ':', 1)
    )"""
# The first three lead to the index, the last is the rule.
DUPLICATES = f"""person.email IS NULL AND person.claimed_email IS NOT NULL AND person.active
    AND {SAME_EMAIL_AS} IS NOT NULL"""

LIST_DELEGATORS = """
    SELECT person, name, delegate_since AS since, delegate_until AS until
    FROM people
    WHERE delegate = $1 AND delegate_until >= $2
    ORDER BY delegate_since, person
"""

# UNION, not UNION ALL, ends at a person seen before.
READ_ABOVE = """
    WITH RECURSIVE above (person, name, manager) AS (
        SELECT person, name, manager FROM people WHERE person = $1
        UNION
        SELECT people.person, people.name, people.manager
        FROM people JOIN above ON people.person = above.manager
    )
    SELECT person, name, manager FROM above
"""

READ_EMAIL_OWNER = """
    SELECT name FROM people WHERE lower(email) = lower($1) AND active AND person <> $2
"""

READ_ID_OWNERS = """
    SELECT given.system, people.name
    FROM unnest($1::text[], $2::text[]) AS given (system, external_id)
    JOIN external_ids AS known USING (system, external_id)
    JOIN people USING (person)
    WHERE people.person <> $3 AND known.active
"""


@dataclass(frozen=True, slots=True)
class PeopleFilter:
    """Which people, after the key (`sort_name`, `person`); None does not filter.

    `prefixes`: each person has a word that begins with each of them.
    """

    sort_name: str
    person: str
    limit: int
    prefixes: Sequence[str] = ()
    manager: str | None = None
    kind: str | None = None
    active: bool | None = None
    email: str | None = None
    external_id: str | None = None
    duplicates: bool = False

    def statement(self) -> tuple[str, list[object]]:
        """The SQL of the list and its arguments."""
        arguments: list[object] = [self.sort_name, self.person]
        conditions = []
        for condition, value in (
            (WORDS, _tsquery(self.prefixes) or None),
            (MANAGER, self.manager),
            (KIND, self.kind),
            (ACTIVE, self.active),
            (EMAIL, self.email),
            (EXTERNAL_ID, self.external_id),
        ):
            if value is not None:
                arguments.append(value)
                conditions.append("AND " + condition.format(f"${len(arguments)}::{_type(value)}"))
        if self.duplicates:
            conditions.append("AND " + DUPLICATES)
        statement = LIST.format(conditions="\n        ".join(conditions), limit=int(self.limit))
        return statement, arguments


@dataclass(frozen=True, slots=True)
class Delegator:
    """A person who has appointed a delegate."""

    person: str
    name: str
    since: date
    until: date


DELEGATORS = RecordType(Delegator)


async def list_people(connection: asyncpg.Connection, filter_: PeopleFilter) -> list[KnownPerson]:
    """A page of people and one more, if there is a next page."""
    statement, arguments = filter_.statement()
    return [known_person(record) for record in await connection.fetch(statement, *arguments)]


async def list_delegators(
    connection: asyncpg.Connection, person: str, today: date
) -> list[Delegator]:
    """Those whose delegate is `person`, today or later."""
    records = await connection.fetch(LIST_DELEGATORS, person, today)
    return [DELEGATORS.decode(record) for record in records]


async def find_email_owner(
    connection: asyncpg.Connection, email: str | None, sub: str
) -> str | None:
    """The name of an active person other than `sub` who has this e-mail."""
    owner: str | None = await connection.fetchval(READ_EMAIL_OWNER, email, sub)
    return owner


async def load_person_context(connection: asyncpg.Connection, person: Person) -> PersonContext:
    """The other people that the rules about this person look at."""
    above = await connection.fetch(READ_ABOVE, person.manager)
    return PersonContext(
        managers={record["person"]: record["manager"] for record in above},
        names={record["person"]: record["name"] for record in above},
        email_owner=await find_email_owner(connection, person.email, person.person),
        id_owners=await _find_id_owners(connection, person),
    )


async def _find_id_owners(connection: asyncpg.Connection, person: Person) -> Mapping[str, str]:
    systems, ids = list(person.external_ids), list(person.external_ids.values())
    return dict(await connection.fetch(READ_ID_OWNERS, systems, ids, person.person))


def _tsquery(words: Sequence[str]) -> str:
    """All the words as prefixes, quoted (PostgreSQL 8.11.2), so that nothing in them is an
    operator: https://www.postgresql.org/docs/current/datatype-textsearch.html"""
    quoted = (word.replace("\\", "\\\\").replace("'", "''") for word in words)
    return " & ".join(f"'{word}':*" for word in quoted)


def _type(value: object) -> str:
    return "boolean" if isinstance(value, bool) else "text"
