"""The own profile, and who stands in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load

from libs.web.schemas import Day, StrictSchema, Truth, WholeNumber
from services.profile.model import MAX_TARGET_MINUTES, Delegation, Kind
from services.profile.schemas.common import DelegateAnswer, Name, Sub, is_all

# RFC 5646 2.1 without the grandfathered tags: language, script, region, variants, extensions,
# private use.
LANGUAGE_TAG = re.compile(
    r"(?=.{2,64}\Z)"
    r"([A-Za-z]{2,3}(-[A-Za-z]{3}){0,3}|[A-Za-z]{4,8})"
    r"(-[A-Za-z]{4})?"
    r"(-([A-Za-z]{2}|[0-9]{3}))?"
    r"(-([A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))*"
    r"(-[0-9A-WY-Za-wy-z](-[A-Za-z0-9]{2,8})+)*"
    r"(-[Xx](-[A-Za-z0-9]{1,8})+)?"
)


@cache
def known_time_zones() -> frozenset[str]:
    """The IANA time zones that zoneinfo finds wherever tzdata is installed, as it is here.

    The operating system's own are left out: another machine may have others.
    """
    return frozenset(files("tzdata").joinpath("zones").read_text("utf-8").split())


def check_time_zone(name: str) -> None:
    if name not in known_time_zones():
        raise ValidationError("An IANA time zone like Europe/Berlin is expected.")


@dataclass(frozen=True, slots=True)
class ProfilePatch:
    """The fields that are to change."""

    changes: dict[str, Any]


class ProfilePatchSchema(StrictSchema):
    name = Name()
    locale = fields.String(
        validate=is_all(LANGUAGE_TAG, "A language tag (BCP 47) like de or de-CH is expected."),
        metadata={"description": "BCP 47."},
    )
    time_zone = fields.String(
        validate=check_time_zone, metadata={"description": "A name of the IANA database."}
    )
    target_minutes = WholeNumber(
        minimum=0,
        maximum=MAX_TARGET_MINUTES,
        metadata={"description": "What the person means to work in a week."},
    )
    reminders = Truth(
        metadata={"description": "Whether to remind of a week that is not submitted."}
    )

    @post_load
    def make(self, data: dict[str, Any], **_options: Any) -> ProfilePatch:
        return ProfilePatch(data)


class DelegationSchema(StrictSchema):
    person = Sub(required=True)
    since = Day(data_key="from", required=True, metadata={"description": "First day."})
    until = Day(data_key="to", required=True, metadata={"description": "Last day."})

    @post_load
    def make(self, data: dict[str, Any], **_options: Any) -> Delegation:
        return Delegation(**data)


class ProfileAnswer(Schema):
    person = fields.String(required=True)
    name = fields.String(required=True)
    email = fields.String(required=True, allow_none=True)
    kind = fields.Enum(Kind, by_value=True, required=True)
    employer = fields.String(required=True, allow_none=True)
    manager = fields.String(required=True, allow_none=True)
    manager_name = fields.String(required=True, allow_none=True)
    active = fields.Boolean(required=True)
    locale = fields.String(required=True)
    time_zone = fields.String(required=True)
    target_minutes = fields.Integer(required=True, strict=True)
    reminders = fields.Boolean(required=True)
    delegate = fields.Nested(
        DelegateAnswer,
        required=True,
        allow_none=True,
        metadata={"description": "Who stands in for the person, now or later."},
    )
    delegated_by = fields.List(
        fields.Nested(DelegateAnswer),
        required=True,
        metadata={"description": "For whom the person stands in, now or later."},
    )
    version = fields.Integer(required=True, strict=True)
