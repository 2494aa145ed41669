"""Rows as the JSON that design section 5 names."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from libs.web.etags import etag_of_representation
from services.profile.store.directory import Delegator
from services.profile.store.people import Known

Json = dict[str, Any]


def serialize_person(known: Known, now: datetime) -> Json:
    """A person as the directory shows them."""
    person = known.person
    return {
        "person": person.person,
        "name": person.name,
        "email": person.email,
        "kind": person.kind,
        "employer": person.employer,
        "manager": person.manager,
        "manager_name": known.manager_name,
        "active": person.active,
        "target_minutes": person.target_minutes,
        "uploaders": person.uploaders,
        "external_ids": person.external_ids,
        "delegate": _serialize_delegate(known, now),
        "version": person.version,
        "created_at": known.created_at,
        "updated_at": known.updated_at,
    }


def serialize_profile(known: Known, delegators: Sequence[Delegator], now: datetime) -> Json:
    """A person as they see themselves."""
    person = known.person
    return {
        "person": person.person,
        "name": person.name,
        "email": person.email,
        "kind": person.kind,
        "employer": person.employer,
        "manager": person.manager,
        "manager_name": known.manager_name,
        "active": person.active,
        "locale": person.locale,
        "time_zone": person.time_zone,
        "target_minutes": person.target_minutes,
        "reminders": person.reminders,
        "delegate": _serialize_delegate(known, now),
        "delegated_by": [
            {"person": row.person, "name": row.name, "from": row.since, "to": row.until}
            for row in delegators
        ],
        "version": person.version,
    }


def tag_of(shape: Json) -> str:
    """A person looks different too when another is renamed, or when a delegation ends."""
    return etag_of_representation(shape)


def _serialize_delegate(known: Known, now: datetime) -> Json | None:
    delegation = known.person.delegate_at(now)
    if delegation is None:
        return None
    return {
        "person": delegation.person,
        "name": known.delegate_name,
        "from": delegation.since,
        "to": delegation.until,
    }
