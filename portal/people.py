"""People of the directory: found by what was typed, and shown by name instead of id."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from aiohttp import web

from portal.api_client import Api, ApiProblem, gather_calls
from portal.context import api_of, profile_of
from portal.forms import Form
from portal.i18n import _
from portal.rendering import SESSION

SUGGESTED = 20
# More are read as a list, and beyond it ids are shown: a page must not send hundreds of requests.
MAX_NAMES = 50
# Ids of the issuer, like auth0|5f7c8ec7c33c6c004bbafe82.
ID_MARK = "|"
_LABEL = re.compile(r".*\((?P<id>[^()]+)\)\s*")

Json = dict[str, Any]


def person_label(person: Json) -> str:
    """The text of a field: `Maya Manager (auth0|maya)`."""
    return f"{person['name']} ({person['person']})"


async def suggest_people(api: Api, text: str) -> list[Json]:
    """Active people whose names or mail addresses have words that begin like those of `text`."""
    try:
        found = await api.get("/v1/people", q=text.strip(), active="true", limit=SUGGESTED)
    except ApiProblem as problem:
        if problem.status not in (403, 422):
            raise
        return []
    items: list[Json] = found["items"]
    return items


async def person_of(api: Api, form: Form, name: str) -> str | None:
    """The id of the person whom the field names: by label, id, or words that only one matches.

    None if the field is empty or, with its error noted in the form, matches nobody or several.
    """
    text = form.text(name)
    if not text:
        return None
    if match := _LABEL.fullmatch(text):
        return match["id"].strip()
    if ID_MARK in text:
        return text
    found = await suggest_people(api, text)
    sought = text.casefold()
    exact = [one for one in found if sought in (one["name"].casefold(), one["email"] or "")]
    matches = exact or found
    if len(matches) == 1:
        person: str = matches[0]["person"]
        form.fields[name] = person_label(matches[0])
        return person
    if matches:
        several = ", ".join(person_label(one) for one in matches[:5])
        form.refuse(name, _("Several people match: %(people)s.") % {"people": several})
    else:
        form.refuse(name, _("No matching person."))
    return None


async def names_of(request: web.Request, people: Iterable[str | None]) -> dict[str, str]:
    """Names by id, as far as the directory can be read; the others lack."""
    own = profile_of(request)
    names = {own.person: own.name}
    unknown = [person for person in people if person not in names]
    found = await read_people(request, unknown)
    return names | {person: str(entry["name"]) for person, entry in found.items()}


async def read_people(request: web.Request, people: Iterable[str | None]) -> dict[str, Json]:
    """Entries of the directory by id, as far as it can be read and has them.

    Many are read as a list, page by page; those that the list lacks one by one.
    """
    requested = [one for one in dict.fromkeys(people) if one and ID_MARK in one]
    if not request[SESSION].may("read:people"):
        return {}
    api, found = api_of(request), dict[str, Json]()
    if len(requested) > MAX_NAMES:
        listed = {entry["person"]: entry for entry in await api.get_all("/v1/people")}
        found = {person: listed[person] for person in requested if person in listed}
    missing = [person for person in requested if person not in found][:MAX_NAMES]
    entries = await gather_calls(_find_person(api, person) for person in missing)
    return found | {entry["person"]: entry for entry in entries if entry is not None}


async def _find_person(api: Api, person: str) -> Json | None:
    try:
        found: Json | None = await api.find(f"/v1/people/{quote(person, safe='')}")
    except ApiProblem as problem:
        if problem.status not in (400, 403, 422):
            raise
        return None
    return found
