"""Stored people as the structs that answers are made of."""

from __future__ import annotations

from datetime import datetime

from libs.web.resources import fill
from services.profile.commands.profile import OwnProfile
from services.profile.model import Contract
from services.profile.schemas.common import ContractTerms, Delegate
from services.profile.schemas.people import Contracts, Person
from services.profile.schemas.profile import Profile
from services.profile.store.people import KnownPerson


def serialize_person(known: KnownPerson, now: datetime) -> Person:
    """A person as the directory shows them."""
    return fill(
        Person,
        known.person,
        manager_name=known.manager_name,
        contract=_contract_today(known, now),
        delegate=_serialize_delegate(known, now),
        same_email_as=known.same_email_as,
        created_at=known.created_at,
        updated_at=known.updated_at,
    )


def serialize_profile(profile: OwnProfile, now: datetime) -> Profile:
    """A person as they see themselves."""
    known = profile.known
    return fill(
        Profile,
        known.person,
        manager_name=known.manager_name,
        contract=_contract_today(known, now),
        target_minutes=known.person.target_on(now.date()),
        delegate=_serialize_delegate(known, now),
        delegated_by=[fill(Delegate, delegator) for delegator in profile.delegators],
    )


def serialize_contract(contract: Contract) -> ContractTerms:
    """A contract as the API shows it."""
    return fill(ContractTerms, contract)


def serialize_contracts(known: KnownPerson) -> Contracts:
    """Every contract of a person, by their first days."""
    return Contracts([serialize_contract(contract) for contract in known.person.contracts])


def _contract_today(known: KnownPerson, now: datetime) -> ContractTerms | None:
    contract = known.person.contract_on(now.date())
    return serialize_contract(contract) if contract else None


def _serialize_delegate(known: KnownPerson, now: datetime) -> Delegate | None:
    delegation = known.person.delegate_at(now)
    return fill(Delegate, delegation, name=known.delegate_name) if delegation else None
