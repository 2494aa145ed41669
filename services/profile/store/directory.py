"""The directory: lists of people, and what stands around one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import asyncpg

from services.profile.model import Draft, Surroundings
from services.profile.store.people import COLUMNS, JOINED, Known, known_of

# By name; the key after which the page begins is ($1, $2). Each question has a statement of its
# own, because the plan of one that serves them all would find its rows by none of the indexes.
LIST = f"""
    SELECT {COLUMNS}
    FROM {JOINED}
    WHERE (person.sort_name, person.person) > ($1, $2)
    {{conditions}}
    ORDER BY person.sort_name, person.person
    LIMIT $3
"""

WORDS = "person.words @@ {}::text::tsquery"
MANAGER = "person.manager = {}"
KIND = "person.kind = {}"
ACTIVE = "person.active = {}"

LIST_DELEGATORS = """
    SELECT person, name, delegate_since, delegate_until
    FROM people
    WHERE delegate = $1 AND delegate_until >= $2
    ORDER BY delegate_since, person
"""

# UNION, not UNION ALL, ends where the way meets itself.
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
    SELECT asked.system, people.name
    FROM unnest($1::text[], $2::text[]) AS asked (system, external_id)
    JOIN external_ids AS known USING (system, external_id)
    JOIN people USING (person)
    WHERE people.person <> $3
"""


@dataclass(frozen=True, slots=True)
class PeopleFilter:
    """What a list asks for, after the key (`sort_name`, `person`); None narrows nothing.

    `words` are the beginnings of which each person found has all.
    """

    words: Sequence[str]
    manager: str | None
    kind: str | None
    active: bool | None
    sort_name: str
    person: str
    limit: int

    def statement(self) -> tuple[str, list[object]]:
        """The list's SQL and its arguments."""
        arguments: list[object] = [self.sort_name, self.person, self.limit]
        conditions = []
        for condition, value in (
            (WORDS, _tsquery(self.words) or None),
            (MANAGER, self.manager),
            (KIND, self.kind),
            (ACTIVE, self.active),
        ):
            if value is not None:
                arguments.append(value)
                conditions.append("AND " + condition.format(f"${len(arguments)}"))
        return LIST.format(conditions="\n    ".join(conditions)), arguments


@dataclass(frozen=True, slots=True)
class Delegator:
    """Somebody for whom another person stands in."""

    person: str
    name: str
    since: date
    until: date


async def list_people(connection: asyncpg.Connection, wanted: PeopleFilter) -> list[Known]:
    statement, arguments = wanted.statement()
    return [known_of(record) for record in await connection.fetch(statement, *arguments)]


async def list_delegators(
    connection: asyncpg.Connection, person: str, today: date
) -> list[Delegator]:
    """For whom `person` stands in today or later."""
    return [Delegator(*row) for row in await connection.fetch(LIST_DELEGATORS, person, today)]


async def find_email_owner(
    connection: asyncpg.Connection, email: str | None, sub: str
) -> str | None:
    """The name of an active person, other than `sub`, who has this e-mail."""
    owner: str | None = await connection.fetchval(READ_EMAIL_OWNER, email, sub)
    return owner


async def look_around(connection: asyncpg.Connection, sub: str, draft: Draft) -> Surroundings:
    above = await connection.fetch(READ_ABOVE, draft.manager)
    return Surroundings(
        managers={person: manager for person, _, manager in above},
        names={person: name for person, name, _ in above},
        email_owner=await find_email_owner(connection, draft.email, sub),
        id_owners=await _find_id_owners(connection, sub, draft),
    )


async def _find_id_owners(
    connection: asyncpg.Connection, sub: str, draft: Draft
) -> Mapping[str, str]:
    systems, ids = list(draft.external_ids), list(draft.external_ids.values())
    return dict(await connection.fetch(READ_ID_OWNERS, systems, ids, sub))


def _tsquery(words: Sequence[str]) -> str:
    """All the words as prefixes, quoted as PostgreSQL 8.11.2 asks, so that nothing in them is an
    operator: https://www.postgresql.org/docs/current/datatype-textsearch.html"""
    quoted = (word.replace("\\", "\\\\").replace("'", "''") for word in words)
    return " & ".join(f"'{word}':*" for word in quoted)
