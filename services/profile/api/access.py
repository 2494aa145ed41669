"""The claims of the caller, and what the addresses name."""

from __future__ import annotations

from datetime import date

from aiohttp import web

from libs.auth import PRINCIPAL
from libs.postgres.pool import DATABASE
from libs.service.access import audit_access
from libs.web.problems import FieldError, NotFound, UnprocessableContent
from services.profile.model import Claims
from services.profile.names import cleaned_name
from services.profile.schemas.common import EMAIL, SUB, SUB_MESSAGE
from services.profile.store.people import KnownPerson, read_person

# Any character: percent-encoded, `/` too. aiohttp's default excludes braces.
PERSON = "/v1/people/{sub:[^/]+}"


def current_claims(request: web.Request) -> Claims:
    """The claims of the caller's token, without a name or an e-mail that cannot be shown."""
    principal = request[PRINCIPAL]
    name, email = cleaned_name(principal.name or ""), (principal.email or "").strip()
    return Claims(
        name=name or None,
        email=email if EMAIL.fullmatch(email) else None,
        issued_at=principal.issued_at,
        scopes=tuple(sorted(principal.scopes)),
    )


def sub_of(request: web.Request) -> str:
    """The person whom the address names. Raises `NotFound` for what cannot be a `sub`."""
    sub = request.match_info["sub"]
    if SUB.fullmatch(sub) is None:
        raise NotFound("There is no such person.")
    return sub


def new_sub_of(request: web.Request) -> str:
    """As `sub_of`, for an address that a person is put at. Raises `UnprocessableContent`."""
    sub = request.match_info["sub"]
    if SUB.fullmatch(sub) is None:
        raise UnprocessableContent([FieldError("/sub", SUB_MESSAGE, "invalid", "path")])
    return sub


def first_day_of(request: web.Request) -> date:
    """The day at the end of the address of a contract. Raises `UnprocessableContent`."""
    try:
        day = date.fromisoformat(request.match_info["from"])
    except ValueError:
        day = date.min
    if not 1970 <= day.year <= 9998:
        message = "A day like 2026-11-23 is expected."
        raise UnprocessableContent([FieldError("/from", message, "invalid", "path")])
    return day


async def read_for_audit(request: web.Request) -> KnownPerson:
    """Read the person whom the address names, and audit the access. Raises `NotFound`."""
    sub = sub_of(request)
    async with request.app[DATABASE].connection() as connection:
        known = or_404(await read_person(connection, sub))
    audit_access(request, person=sub)
    return known


def or_404(known: KnownPerson | None) -> KnownPerson:
    """The person, or `NotFound`."""
    if known is None:
        raise NotFound("There is no such person.")
    return known
