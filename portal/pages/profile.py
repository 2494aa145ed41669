"""The person's own profile, their delegate, and how the portal looks for them."""

from __future__ import annotations

from typing import Any

import msgspec
from aiohttp import web

from portal.access import shown_to
from portal.context import api_of
from portal.cookies import APPEARANCE_COOKIE, COOKIES, LANGUAGE_COOKIE, PREFERENCE_SECONDS
from portal.failures import FormErrors
from portal.formats import duration, parse_duration
from portal.forms import Form, form_of
from portal.i18n import LANGUAGE, LANGUAGES, _, choose_language
from portal.people import person_of
from portal.rendering import APPEARANCES, SESSION, redirect, render
from portal.sessions.sessions import SESSIONS

ROUTES = web.RouteTableDef()
PROFILE = "/profile"

Json = dict[str, Any]


@ROUTES.get(PROFILE)
async def show_profile(request: web.Request) -> web.StreamResponse:
    """Show the person's profile and, to managers, their delegate."""
    return await _show(request)


@ROUTES.post(PROFILE)
async def save_profile(request: web.Request) -> web.StreamResponse:
    """Save the profile. A refusal of the API is shown in the form."""
    form = form_of(request)
    body: Json = {
        "name": form.text("name"),
        "time_zone": form.text("time_zone"),
        "reminders": form.ticked("reminders"),
    }
    if form["had_locale"] != form["locale"] and form["locale"] in LANGUAGES:
        body["locale"] = form["locale"]
    if form.text("target") and form.text("target") != form["had_target"]:
        try:
            body["target_minutes"] = parse_duration(form["target"], is_week=True)
        except ValueError as error:
            form.refuse("target", str(error))
    if not form.is_wrong:
        with FormErrors(form, {"target_minutes": "target"}):
            etag = f'"{form["version"]}"'
            saved = (await api_of(request).patch("/v1/profile", body, etag=etag)).json
            await _remember(request, saved)
            return redirect(request, PROFILE, _("Profile saved."))
    return await _show(request, form=form)


@ROUTES.post(f"{PROFILE}/delegate")
@shown_to("approve:timesheets")
async def put_delegate(request: web.Request) -> web.StreamResponse:
    """Name who decides in the person's place. A refusal of the API is shown in the form."""
    form = form_of(request)
    person = await person_of(api_of(request), form, "person")
    body = {"person": person, "from": form.text("from"), "to": form.text("to")}
    if not form.is_wrong:
        with FormErrors(form):
            await api_of(request).put("/v1/profile/delegate", body)
            return redirect(request, PROFILE, _("Delegate saved."))
    return await _show(request, delegate=form)


@ROUTES.post(f"{PROFILE}/delegate/delete")
@shown_to("approve:timesheets")
async def delete_delegate(request: web.Request) -> web.StreamResponse:
    """Remove the delegate and show the profile again."""
    await api_of(request).delete("/v1/profile/delegate")
    return redirect(request, PROFILE, _("Delegate removed."))


@ROUTES.post(f"{PROFILE}/appearance")
async def change_appearance(request: web.Request) -> web.StreamResponse:
    """Language and colours, kept in this browser."""
    form, cookies = form_of(request), request.app[COOKIES]
    language = form["language"]
    if language in LANGUAGES:
        LANGUAGE.set(language)
    response = redirect(request, PROFILE, _("Saved."))
    if language in LANGUAGES:
        cookies.set(response, LANGUAGE_COOKIE, language, PREFERENCE_SECONDS)
    appearance = form["appearance"] if form["appearance"] in APPEARANCES else ""
    cookies.set(response, APPEARANCE_COOKIE, appearance, PREFERENCE_SECONDS)
    return response


async def _show(
    request: web.Request, *, form: Form | None = None, delegate: Form | None = None
) -> web.StreamResponse:
    person = await api_of(request).get("/v1/profile")
    wrong = any(given is not None and given.is_wrong for given in (form, delegate))
    return render(
        request,
        "profile.html",
        status=422 if wrong else 200,
        person=person,
        form=form or _form_of(person),
        delegate_form=delegate or Form(),
    )


def _form_of(person: Json) -> Form:
    target = duration(person["target_minutes"])
    locale = choose_language([str(person["locale"])])
    return Form.of(
        name=person["name"],
        time_zone=person["time_zone"],
        locale=locale,
        had_locale=locale,
        target=target,
        had_target=target,
        reminders=person["reminders"],
        version=person["version"],
    )


async def _remember(request: web.Request, saved: Json) -> None:
    """Pages show the name, the language and the time zone without asking for them."""
    session = request[SESSION]
    profile = msgspec.structs.replace(
        session.profile,
        name=str(saved["name"]),
        locale=choose_language([str(saved["locale"])]),
        time_zone=str(saved["time_zone"]),
    )
    await request.app[SESSIONS].save_profile(session, profile)
