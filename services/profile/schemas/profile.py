"""The own profile, and the delegate."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Annotated, Any

from marshmallow import ValidationError, fields, post_load
from msgspec import Meta

from libs.web.resources import answer_schema
from libs.web.schemas import Day, StrictSchema, Truth, WholeNumber
from services.profile.model import MAX_TARGET_MINUTES, Delegation
from services.profile.schemas.common import Delegate, Name, PersonBase, Sub, matches

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
    """The IANA time zones of the package tzdata: the same on every machine."""
    return frozenset(files("tzdata").joinpath("zones").read_text("utf-8").split())


def check_time_zone(name: str) -> None:
    """Raise `ValidationError` unless the IANA database knows the time zone."""
    if name not in known_time_zones():
        raise ValidationError("An IANA time zone like Europe/Berlin is expected.")


@dataclass(frozen=True, slots=True)
class ProfilePatch:
    """The fields that are to change."""

    changes: dict[str, Any]


class ProfilePatchSchema(StrictSchema):
    """The body that changes the caller's profile."""

    name = Name()
    locale = fields.String(
        validate=matches(LANGUAGE_TAG, "A language tag (BCP 47) like de or de-CH is expected."),
        metadata={"description": "BCP 47."},
    )
    time_zone = fields.String(
        validate=check_time_zone, metadata={"description": "A name of the IANA database."}
    )
    target_minutes = WholeNumber(
        minimum=0,
        maximum=MAX_TARGET_MINUTES,
        allow_none=True,
        metadata={
            "description": (
                "Minutes of a week; null: no target. Once there is a contract it can't be changed."
            )
        },
    )
    reminders = Truth(
        metadata={"description": "Whether to remind of a week that is not submitted."}
    )

    @post_load
    def make(self, data: dict[str, Any], **_options: Any) -> ProfilePatch:
        """Turn the body into a `ProfilePatch`."""
        return ProfilePatch(data)


class DelegationSchema(StrictSchema):
    """The body that appoints a delegate. Both days are included."""

    makes = Delegation

    person = Sub(required=True)
    since = Day(data_key="from", required=True, metadata={"description": "First day."})
    until = Day(data_key="to", required=True, metadata={"description": "Last day."})


class Profile(PersonBase, frozen=True, kw_only=True):
    """A person as they see themselves."""

    target_minutes: Annotated[
        int | None,
        Meta(
            description="Minutes of a week by contract, or the own target; null: no target.",
            examples=[2400],
        ),
    ]
    locale: Annotated[str, Meta(description="Language, BCP 47.", examples=["de-DE"])]
    time_zone: Annotated[
        str, Meta(description="A name of the IANA database.", examples=["Europe/Berlin"])
    ]
    reminders: Annotated[
        bool, Meta(description="Whether to be reminded by e-mail.", examples=[True])
    ]
    delegated_by: Annotated[
        list[Delegate], Meta(description="For whom the person is the delegate, now or later.")
    ]


ProfileAnswer = answer_schema(Profile)
