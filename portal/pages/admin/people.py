"""The directory of people, and their contracts."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from aiohttp import web

from portal.access import shown_to
from portal.api_client import Api, ApiProblem
from portal.context import api_of
from portal.failures import FormErrors
from portal.formats import duration, parse_duration
from portal.forms import Form, form_of
from portal.i18n import _
from portal.lists import filters_of, query_of, read_list
from portal.people import person_label, person_of
from portal.rendering import redirect, render

ROUTES = web.RouteTableDef()
LIST = "/admin/people"
PERSON = f"{LIST}/person/{{sub}}"
FILTERS = ("q", "manager", "kind", "active")
# Fields that people came to have later: sent only where the API showed them.
LATER = ("since", "until")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

Json = dict[str, Any]


@ROUTES.get(LIST)
@shown_to("read:people")
async def list_people(request: web.Request) -> web.StreamResponse:
    """Show people, by filters."""
    filters = filters_of(request, FILTERS)
    listing = await read_list(api_of(request), "/v1/people", query_of(filters, request))
    return render(request, "admin/people.html", listing=listing, filters=filters)


@ROUTES.get(f"{LIST}/new")
@shown_to("manage:people")
async def show_new_person(request: web.Request) -> web.StreamResponse:
    """Show an empty form for a person."""
    form = Form.of(active=True, kind="employee", later="1")
    return await _show_new(request, form)


@ROUTES.post(f"{LIST}/new")
async def create_person(request: web.Request) -> web.StreamResponse:
    """Add a person who has not signed in yet. A refusal of the API is shown in the form."""
    form, sub = form_of(request), form_of(request).text("sub")
    if not sub:
        form.refuse("sub", _("Type the person's id at the issuer."))
    body = _body(form) | {"manager": await person_of(api_of(request), form, "manager")}
    if not form.is_wrong:
        with FormErrors(form, {"target_minutes": "target"}):
            path = f"/v1/people/{quote(sub, safe='')}"
            await api_of(request).request("PUT", path, body=_without_empty(body))
            return redirect(request, _address(sub), _("Person added."))
    return await _show_new(request, form)


@ROUTES.get(PERSON)
@shown_to("read:people")
async def show_person(request: web.Request) -> web.StreamResponse:
    """Show a person, with contracts."""
    person = await api_of(request).get(_path(request))
    return await _show(request, _form_of(person))


@ROUTES.post(PERSON)
async def change_person(request: web.Request) -> web.StreamResponse:
    """Save a person, unless somebody else has changed them since. A refusal of the API is shown in
    the form."""
    form, sub = form_of(request), request.match_info["sub"]
    body = _body(form) | {"manager": await person_of(api_of(request), form, "manager")}
    if not form.is_wrong:
        with FormErrors(form, {"target_minutes": "target"}):
            await _save(api_of(request), _path(request), body, f'"{form["version"]}"')
            return redirect(request, _address(sub), _("Person saved."))
    return await _show(request, form)


@ROUTES.post(f"{PERSON}/contracts")
async def put_contract(request: web.Request) -> web.StreamResponse:
    """Create or replace the contract that begins on a day. A refusal of the API is shown in the
    form."""
    form, sub = form_of(request), request.match_info["sub"]
    day = form.text("from")
    if not day:
        form.refuse("from", _("Choose a day."))
    minutes = [_minutes(form, name) for name in WEEKDAYS]
    if not form.is_wrong:
        with FormErrors(form, {"minutes": "mon"}):
            body = {"minutes": minutes, "calendar": form.optional("calendar")}
            await api_of(request).put(f"{_path(request)}/contracts/{quote(day, safe='')}", body)
            return redirect(request, _address(sub), _("Contract saved."))
    person = await api_of(request).get(_path(request))
    return await _show(request, _form_of(person), contract_form=form)


@ROUTES.post(f"{PERSON}/contracts/delete")
async def delete_contract(request: web.Request) -> web.StreamResponse:
    """Delete a contract and show the person again."""
    day = quote(form_of(request).text("from"), safe="")
    await api_of(request).delete(f"{_path(request)}/contracts/{day}")
    return redirect(request, _address(request.match_info["sub"]), _("Contract deleted."))


async def _save(api: Api, path: str, body: Json, etag: str) -> None:
    """PATCH names what it changes; an API without it takes the whole person."""
    try:
        await api.patch(path, body, etag=etag)
    except ApiProblem as problem:
        if problem.status != 405:
            raise
        await api.put(path, body, etag=etag)


async def _show_new(request: web.Request, form: Form) -> web.StreamResponse:
    return render(
        request,
        "admin/person.html",
        status=422 if form.is_wrong else 200,
        form=form,
        sub=None,
        contracts=None,
    )


async def _show(
    request: web.Request, form: Form, *, contract_form: Form | None = None
) -> web.StreamResponse:
    contracts = await _contracts(api_of(request), _path(request))
    wrong = form.is_wrong or (contract_form is not None and contract_form.is_wrong)
    return render(
        request,
        "admin/person.html",
        status=422 if wrong else 200,
        form=form,
        sub=request.match_info["sub"],
        contracts=contracts,
        contract_form=contract_form or Form.of(**dict.fromkeys(WEEKDAYS[:5], "8:00")),
    )


async def _contracts(api: Api, path: str) -> list[Json] | None:
    """Newest first; None where the API has no contracts yet."""
    found = await api.find(f"{path}/contracts")
    if found is None:
        return None
    items: list[Json] = found["items"] if isinstance(found, dict) else found
    return sorted(items, key=lambda contract: str(contract["from"]), reverse=True)


def _form_of(person: Json) -> Form:
    has_later = any(name in person for name in LATER)
    return Form.of(
        name=person["name"],
        email=person["email"],
        kind=person["kind"],
        employer=person["employer"],
        manager=_manager_label(person),
        active=person["active"],
        since=person.get("since"),
        until=person.get("until"),
        target=duration(person["target_minutes"]),
        uploaders="\n".join(person["uploaders"]),
        external_ids="\n".join(f"{key}: {value}" for key, value in person["external_ids"].items()),
        version=person["version"],
        later="1" if has_later else None,
    )


def _manager_label(person: Json) -> str | None:
    if not person["manager"]:
        return None
    return person_label({"person": person["manager"], "name": person["manager_name"] or ""}).strip()


def _body(form: Form) -> Json:
    """The person for the API; what cannot be read is noted in the form."""
    body: Json = {
        "name": form.text("name"),
        "email": form.optional("email"),
        "kind": form["kind"] or "employee",
        "employer": form.optional("employer"),
        "active": form.ticked("active"),
        "uploaders": _lines(form["uploaders"]),
        "external_ids": _pairs(form),
    }
    if form["later"]:
        body |= {name: form.optional(name) for name in LATER}
    if form.text("target"):
        body["target_minutes"] = _minutes(form, "target", is_week=True)
    return body


def _without_empty(body: Json) -> Json:
    return {name: value for name, value in body.items() if value is not None}


def _minutes(form: Form, name: str, *, is_week: bool = False) -> int:
    try:
        return parse_duration(form[name], is_week=is_week) or 0
    except ValueError as error:
        form.refuse(name, str(error))
        return 0


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _pairs(form: Form) -> dict[str, str]:
    pairs = {}
    for line in _lines(form["external_ids"]):
        system, colon, value = line.partition(":")
        if not colon or not value.strip():
            form.refuse("external_ids", _("Write one id per line, like payroll: 4711."))
        pairs[system.strip()] = value.strip()
    return pairs


def _path(request: web.Request) -> str:
    return f"/v1/people/{quote(request.match_info['sub'], safe='')}"


def _address(sub: str) -> str:
    return f"{LIST}/person/{quote(sub, safe='')}"
