"""The rules of people: managers, delegates, contracts, what a profile takes from its token.
Pure functions, no I/O.

The database enforces the same rules for requests that cross (migrations/); a test compares the
limits of both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from libs.rules.calendar import earliest_today
from libs.rules.errors import NotVisible
from libs.rules.violations import RuleBroken, Violation

MAX_NAME_LENGTH = 200
MAX_TARGET_MINUTES = 7 * 24 * 60
MAX_MINUTES_A_DAY = 24 * 60
MAX_DELEGATION_DAYS = 366
MAX_CONTRACTS = 100
DEFAULT_LOCALE = "en"
DEFAULT_TIME_ZONE = "UTC"
DELEGATE_SCOPE = "approve:timesheets"
CLOCK_SKEW = timedelta(minutes=1)

# `/v1/people/feed` is another route, and no client sends a path of dots as it is.
RESERVED_SUBS = frozenset({"feed", ".", ".."})


class Kind(StrEnum):
    """Whether a person is employed by the company or by another one."""

    EMPLOYEE = "employee"
    CONTRACTOR = "contractor"


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of the newest token of a person.

    `issued_at` is a Unix time. `scopes` is None until a token was seen.
    """

    name: str | None = None
    email: str | None = None
    issued_at: int = 0
    scopes: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Delegation:
    """`person` is the delegate from `since` to `until`, both days included."""

    person: str
    since: date
    until: date

    @property
    def days(self) -> int:
        """The number of days the delegation lasts."""
        return (self.until - self.since).days + 1

    def has_ended(self, now: datetime) -> bool:
        """Whether the last day is over in every time zone."""
        return self.until < earliest_today(now)


@dataclass(frozen=True, slots=True)
class Contract:
    """The minutes a person is to work from `valid_from` until the next contract.

    `minutes` are those of each weekday, Monday first. `calendar` is a code of the `holidays`
    library such as `DE-BY`.
    """

    valid_from: date
    minutes: tuple[int, ...]
    calendar: str | None = None

    @property
    def weekly_minutes(self) -> int:
        """The minutes of a whole week."""
        return sum(self.minutes)


@dataclass(frozen=True, slots=True)
class Person:
    """A person by their `sub`. `version` 0: not stored yet.

    Each field is a column or is read by an expression of that name (store/people.py).
    `target_minutes` is the person's own weekly target, which counts while no contract holds; None:
    no target. `revoked_before` rejects the tokens issued earlier.
    """

    person: str
    name: str
    email: str | None = None
    kind: Kind = Kind.EMPLOYEE
    employer: str | None = None
    manager: str | None = None
    active: bool = True
    since: date | None = None
    until: date | None = None
    target_minutes: int | None = None
    uploaders: tuple[str, ...] = ()
    external_ids: Mapping[str, str] = field(default_factory=dict)
    revoked_before: datetime | None = None
    locale: str = DEFAULT_LOCALE
    time_zone: str = DEFAULT_TIME_ZONE
    reminders: bool = True
    delegate: Delegation | None = None
    contracts: tuple[Contract, ...] = ()
    claims: Claims = Claims()
    version: int = 0

    def delegate_at(self, now: datetime) -> Delegation | None:
        """The present or the next delegation."""
        if self.delegate is None or self.delegate.has_ended(now):
            return None
        return self.delegate

    def contract_on(self, day: date) -> Contract | None:
        """The contract that holds on this day."""
        begun = [contract for contract in self.contracts if contract.valid_from <= day]
        return max(begun, key=lambda contract: contract.valid_from, default=None)

    def target_on(self, day: date) -> int | None:
        """The minutes of a week: the contract's, or else the person's own target."""
        contract = self.contract_on(day)
        return self.target_minutes if contract is None else contract.weekly_minutes


@dataclass(frozen=True, slots=True)
class PersonContext:
    """The facts that decide whether a person may be saved.

    `managers` leads from the person's manager upwards; `names` has the names of those on the way.
    `email_owner` is another active person with the same e-mail, `id_owners` are other active
    people with one of the external ids, by system; both are names.
    """

    managers: Mapping[str, str | None]
    names: Mapping[str, str]
    email_owner: str | None
    id_owners: Mapping[str, str]


def new_person(sub: str, claims: Claims, *, email_taken: bool = False) -> Person:
    """The profile of somebody who signs in and is not in the directory.

    An e-mail that another active person has is left out, so that the sign-in succeeds; the
    directory reports it as `same_email_as`.
    """
    name = claims.name or claims.email or sub
    email = None if email_taken else claims.email
    return Person(person=sub, name=name, email=email, claims=replace(claims, name=name))


def follow_token(person: Person, claims: Claims, *, email_taken: bool = False) -> Person:
    """The person after a request with a newer token: a name or an e-mail that is still the one of
    the last token follows the new one. A value set by hand differs from the token's, and stays.
    """
    known = person.claims
    if claims.issued_at <= known.issued_at:
        return person
    name, email = claims.name or known.name, claims.email or known.email
    followed = replace(person, claims=Claims(name, email, claims.issued_at, claims.scopes))
    if name is not None and person.name == known.name:
        followed = replace(followed, name=name)
    if email is not None and not email_taken and _is_from_token(person.email, known.email):
        followed = replace(followed, email=email)
    return followed


def _is_from_token(email: str | None, claimed: str | None) -> bool:
    return email is None or (claimed is not None and email.casefold() == claimed.casefold())


def check_target(person: Person, target_minutes: int | None, today: date) -> None:
    """Whether the person may set this target. Raises `RuleBroken` once there is a contract."""
    if person.contracts and target_minutes != person.target_on(today):
        message = "Your contract sets the target. An administrator can change it."
        raise RuleBroken(Violation("target_minutes", "contract", message))


def check_person(
    person: Person, before: Person | None, context: PersonContext, now: datetime
) -> None:
    """Whether an administrator may save `person`. Raises `RuleBroken` with all violations."""
    violations = [
        *_sub_violations(person, before),
        *_manager_violations(person, before, context),
        *_email_violations(person, context),
        *_id_violations(person, context),
        *_time_violations(person, before, now),
    ]
    if violations:
        raise RuleBroken(*violations)


def check_own_account(person: Person, actor: str) -> None:
    """Whether `actor` may save `person`. Raises `RuleBroken` for deactivating oneself: nobody might
    be left who could take that back."""
    if person.person == actor and not person.active:
        message = "You can't deactivate your own account. Another administrator can."
        raise RuleBroken(Violation("active", "own_account", message))


def _sub_violations(person: Person, before: Person | None) -> list[Violation]:
    if before is None and person.person in RESERVED_SUBS:
        return [Violation("sub", "reserved", f"{person.person} is reserved.")]
    return []


def _time_violations(person: Person, before: Person | None, now: datetime) -> list[Violation]:
    violations = []
    if person.since is not None and person.until is not None and person.until < person.since:
        violations.append(Violation("until", "order", "until is earlier than since."))
    revoked = person.revoked_before
    is_new = before is None or before.revoked_before != revoked
    if revoked is not None and is_new and revoked > now + CLOCK_SKEW:
        violations.append(Violation("revoked_before", "future", "This is in the future."))
    return violations


def find_cycle(
    person: str, manager: str | None, managers: Mapping[str, str | None]
) -> tuple[str, ...]:
    """The way from `person` over `manager` upwards, where it leads back to `person`; else ()."""
    way = {person: None}
    above = manager
    while above is not None and above not in way:
        way[above] = None
        above = managers.get(above)
    return tuple(way) if above == person else ()


def _manager_violations(
    person: Person, before: Person | None, context: PersonContext
) -> list[Violation]:
    manager = person.manager
    if manager == person.person:
        return [Violation("manager", "own_manager", "A person can't be their own manager.")]
    if manager is not None and manager not in context.names:
        # Directories of earlier releases hold managers that were never added.
        if before is not None and before.manager == manager:
            return []
        message = f"There is no person {manager}."
        return [Violation("manager", "unknown_person", message)]
    cycle = find_cycle(person.person, manager, context.managers)
    if not cycle:
        return []
    names = [person.name, *(context.names.get(sub, sub) for sub in cycle[1:]), person.name]
    message = f"This creates a cycle: {names[0]} reports to {', who reports to '.join(names[1:])}."
    return [Violation("manager", "manager_circle", message)]


def _email_violations(person: Person, context: PersonContext) -> list[Violation]:
    if not person.active or context.email_owner is None:
        return []
    message = f"{context.email_owner} has this e-mail address already."
    return [Violation("email", "taken", message)]


def _id_violations(person: Person, context: PersonContext) -> list[Violation]:
    if not person.active:
        return []
    return [
        Violation(f"external_ids/{system}", "taken", f"{owner} has this id in {system} already.")
        for system, owner in context.id_owners.items()
        if system in person.external_ids
    ]


def check_delegation(
    sub: str, delegation: Delegation, delegate: Person | None, now: datetime
) -> None:
    """Whether `delegate` may stand in for `sub`; None: the directory has no such person.

    Delegations are not transitive, so chains and cycles of them are harmless. Raises
    `RuleBroken` with all violations.
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
        return [Violation("person", "oneself", "You can't be your own delegate.")]
    if delegate is None:
        return [Violation("person", "unknown_person", f"There is no person {delegation.person}.")]
    if not delegate.active:
        return [Violation("person", "inactive_person", f"{delegate.name} is not active.")]
    scopes = delegate.claims.scopes
    if scopes is not None and DELEGATE_SCOPE not in scopes:
        message = f"{delegate.name} may not approve timesheets."
        return [Violation("person", "cannot_approve", message)]
    return []


def _range_violations(delegation: Delegation, now: datetime) -> list[Violation]:
    if delegation.until < delegation.since:
        return [Violation("to", "order", "to is earlier than from.")]
    if delegation.has_ended(now):
        return [Violation("to", "past", f"{delegation.until} is in the past.")]
    if delegation.days > MAX_DELEGATION_DAYS:
        message = f"At most {MAX_DELEGATION_DAYS} days; these are {delegation.days}."
        return [Violation("to", "too_long", message)]
    return []


def with_contract(contracts: Sequence[Contract], contract: Contract) -> tuple[Contract, ...]:
    """The contracts with this one in place of the one from the same day, in order."""
    others = [other for other in contracts if other.valid_from != contract.valid_from]
    if len(others) >= MAX_CONTRACTS:
        raise RuleBroken(Violation("", "too_many", f"At most {MAX_CONTRACTS} contracts."))
    return tuple(sorted([*others, contract], key=lambda known: known.valid_from))


def without_contract(contracts: Sequence[Contract], valid_from: date) -> tuple[Contract, ...]:
    """The contracts without the one from this day. Raises `NotVisible`."""
    others = tuple(known for known in contracts if known.valid_from != valid_from)
    if len(others) == len(contracts):
        raise NotVisible("There is no contract from this day.")
    return others
