"""Who is calling, as the directory knows people."""

from __future__ import annotations

from aiohttp import web

from libs.auth import PRINCIPAL
from libs.web.problems import Forbidden
from services.profile.model import Claims
from services.profile.schemas.common import EMAIL


def own(request: web.Request) -> str:
    """The caller, who is a person; raises `Forbidden` for a machine, which has no profile."""
    principal = request[PRINCIPAL]
    if principal.is_machine:
        raise Forbidden("A machine has no profile.")
    return principal.subject


def claims_of(request: web.Request) -> Claims:
    """What the token says of its person; what could not be shown counts as not said."""
    principal = request[PRINCIPAL]
    name, email = (principal.name or "").strip(), (principal.email or "").strip()
    return Claims(
        name=name or None,
        email=email if EMAIL.fullmatch(email) else None,
        expires_at=principal.expires_at,
    )
