"""The rules of people, as pure functions: who reports to whom, who stands in for whom, what a
profile takes from its token, by which words somebody is found.

Where two requests could cross, the database holds the same rules (migrations/); a test keeps
the figures of both equal.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum

from libs.rules.calendar import earliest_today
from libs.rules.limits import DEFAULT_TARGET_MINUTES
from libs.rules.violations import RuleBroken, Violation

MAX_NAME_LENGTH = 200
MAX_TARGET_MINUTES = 7 * 24 * 60
MAX_DELEGATION_DAYS = 366
DEFAULT_LOCALE = "en"
DEFAULT_TIME_ZONE = "UTC"

# So much of a name decides the order of a list; a cursor holds it, so it has an end.
SORTED_LENGTH = 100

_WORD = re.compile(r"[^\W_]+")


class Kind(StrEnum):
    EMPLOYEE = "employee"
    CONTRACTOR = "contractor"


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token last said of its person; `expires_at`, in seconds since 1970, tells which of
    two tokens is the newer one."""

    name: str | None = None
    email: str | None = None
    expires_at: int = 0


@dataclass(frozen=True, slots=True)
class Delegation:
    """`person` stands in from `since` to `until`, both days included."""

    person: str
    since: date
    until: date

    @property
    def days(self) -> int:
        return (self.until - self.since).days + 1

    def has_ended(self, now: datetime) -> bool:
        """Whether its last day is over wherever one lives."""
        return self.until < earliest_today(now)


@dataclass(frozen=True, slots=True)
class Draft:
    """What an administrator says of a person. `target_minutes` None leaves it as it is."""

    name: str
    email: str | None = None
    kind: Kind = Kind.EMPLOYEE
    employer: str | None = None
    manager: str | None = None
    active: bool = True
    target_minutes: int | None = None
    uploaders: tuple[str, ...] = ()
    external_ids: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Person:
    """A person by their `sub`. `version` 0 means that nothing is stored yet.

    The manager may be somebody whom the directory does not know yet, so that it can be filled
    in any order.
    """

    person: str
    name: str
    email: str | None = None
    kind: Kind = Kind.EMPLOYEE
    employer: str | None = None
    manager: str | None = None
    active: bool = True
    target_minutes: int = DEFAULT_TARGET_MINUTES
    uploaders: tuple[str, ...] = ()
    external_ids: Mapping[str, str] = field(default_factory=dict)
    locale: str = DEFAULT_LOCALE
    time_zone: str = DEFAULT_TIME_ZONE
    reminders: bool = True
    delegate: Delegation | None = None
    claims: Claims = Claims()
    version: int = 0

    def delegate_at(self, now: datetime) -> Delegation | None:
        """Who stands in now or later."""
        if self.delegate is None or self.delegate.has_ended(now):
            return None
        return self.delegate


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What decides whether a draft may be written.

    `managers` leads from the draft's manager upwards, `names` knows whom it leads to.
    `email_owner` is another active person with the draft's e-mail, `id_owners` are others who
    have one of its external ids, by system; both are names.
    """

    managers: Mapping[str, str | None]
    names: Mapping[str, str]
    email_owner: str | None
    id_owners: Mapping[str, str]


def newcomer(sub: str, claims: Claims, *, email_taken: bool = False) -> Person:
    """The profile of somebody whom nobody has put into the directory.

    An e-mail that another active person has stays out: signing in must not fail for it.
    """
    name = claims.name or claims.email or sub
    email = None if email_taken else claims.email
    return Person(person=sub, name=name, email=email, claims=replace(claims, name=name))


def follow(person: Person, claims: Claims, *, email_taken: bool = False) -> Person:
    """The person after a sign-in: what still says what the last token said takes what this one
    says. What somebody has written by hand differs from the token, and stays.

    An older token that is still in use tells nothing new.
    """
    known = person.claims
    if claims.expires_at <= known.expires_at:
        return person
    name, email = claims.name or known.name, claims.email or known.email
    if (name, email) == (known.name, known.email):
        return person
    followed = replace(person, claims=Claims(name, email, claims.expires_at))
    if name is not None and person.name == known.name:
        followed = replace(followed, name=name)
    if email is not None and not email_taken and _is_by_token(person.email, known.email):
        followed = replace(followed, email=email)
    return followed


def _is_by_token(email: str | None, claimed: str | None) -> bool:
    return email is None or (claimed is not None and email.casefold() == claimed.casefold())


def drafted(sub: str, draft: Draft, present: Person | None) -> Person:
    """The person as the draft has it; what the person alone decides stays."""
    person = present or Person(sub, draft.name)
    target = draft.target_minutes
    return replace(
        person,
        name=draft.name,
        email=draft.email,
        kind=draft.kind,
        employer=draft.employer,
        manager=draft.manager,
        active=draft.active,
        target_minutes=person.target_minutes if target is None else target,
        uploaders=draft.uploaders,
        external_ids=draft.external_ids,
    )


def check_draft(sub: str, draft: Draft, around: Surroundings) -> None:
    """Raises `RuleBroken` with all that is wrong."""
    violations = [
        *_manager_violations(sub, draft, around),
        *_email_violations(draft, around),
        *_id_violations(draft, around),
    ]
    if violations:
        raise RuleBroken(*violations)


def find_circle(
    person: str, manager: str | None, managers: Mapping[str, str | None]
) -> tuple[str, ...]:
    """The way from `person` over `manager` upwards, where it leads back to `person`; else ()."""
    way = {person: None}
    above = manager
    while above is not None and above not in way:
        way[above] = None
        above = managers.get(above)
    return tuple(way) if above == person else ()


def _manager_violations(sub: str, draft: Draft, around: Surroundings) -> list[Violation]:
    if draft.manager == sub:
        return [Violation("manager", "own_manager", "Nobody is their own manager.")]
    circle = find_circle(sub, draft.manager, around.managers)
    if not circle:
        return []
    names = [draft.name, *(around.names.get(person, person) for person in circle[1:]), draft.name]
    words = f"This closes a circle: {names[0]} reports to {', who reports to '.join(names[1:])}."
    return [Violation("manager", "manager_circle", words)]


def _email_violations(draft: Draft, around: Surroundings) -> list[Violation]:
    if not draft.active or around.email_owner is None:
        return []
    words = f"{around.email_owner} has this e-mail address already."
    return [Violation("email", "taken", words)]


def _id_violations(draft: Draft, around: Surroundings) -> list[Violation]:
    return [
        Violation(f"external_ids/{system}", "taken", f"{owner} has this id in {system} already.")
        for system, owner in around.id_owners.items()
        if system in draft.external_ids
    ]


def check_delegation(
    sub: str, delegation: Delegation, delegate: Person | None, now: datetime
) -> None:
    """Whether `delegate` may stand in for `sub`; None means that nobody knows this person.

    Standing in is not handed on: whoever stands in for somebody does so for that person alone,
    so chains and circles of delegations do no harm. Raises `RuleBroken` with all that is wrong.
    """
    violations = [
        *_delegate_violations(sub, delegation, delegate),
        *_range_violations(delegation, now),
    ]
    if violations:
        raise RuleBroken(*violations)


def _delegate_violations(
    sub: str, delegation: Delegation, delegate: Person | None
) -> list[Violation]:
    if delegation.person == sub:
        return [Violation("person", "oneself", "Nobody stands in for themselves.")]
    if delegate is None:
        return [Violation("person", "unknown_person", f"Nobody is known as {delegation.person}.")]
    if not delegate.active:
        return [Violation("person", "inactive_person", f"{delegate.name} is no longer active.")]
    return []


def _range_violations(delegation: Delegation, now: datetime) -> list[Violation]:
    if delegation.until < delegation.since:
        return [Violation("to", "order", "to is earlier than from.")]
    if delegation.has_ended(now):
        return [Violation("to", "past", f"The {delegation.until} is over.")]
    if delegation.days > MAX_DELEGATION_DAYS:
        words = f"At most {MAX_DELEGATION_DAYS} days; these are {delegation.days}."
        return [Violation("to", "too_long", words)]
    return []


def folded(text: str) -> str:
    """`text` without case and accents: "Žofia Ångström" as "zofia angstrom"."""
    decomposed = unicodedata.normalize("NFD", text.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def sort_key(name: str) -> str:
    return folded(name)[:SORTED_LENGTH]


def search_words(name: str, email: str | None) -> tuple[str, ...]:
    """What somebody is found by: the words of the name, the e-mail, the words before its @."""
    words = set(_WORD.findall(folded(name)))
    if email is not None:
        address = folded(email)
        words.add(address)
        words.update(_WORD.findall(address.partition("@")[0]))
    return tuple(sorted(words))


def wanted_words(query: str) -> tuple[str, ...]:
    """The beginnings that somebody's words must have, all of them.

    Empty where the query has neither letter nor digit: it narrows nothing.
    """
    parts: Sequence[str] = folded(query).split()
    found = [[part] if _is_address(part) else _WORD.findall(part) for part in parts]
    return tuple(dict.fromkeys(word for words in found for word in words))


def _is_address(part: str) -> bool:
    return "@" in part.strip("@")
