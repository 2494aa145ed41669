"""The person's own profile, and how the portal looks for them."""

from __future__ import annotations

from aiohttp import web

from portal.context import api_of
from portal.cookies import APPEARANCE_COOKIE, COOKIES, LANGUAGE_COOKIE, PREFERENCE_SECONDS
from portal.forms import Form, form_of
from portal.i18n import LANGUAGE, LANGUAGES, _
from portal.rendering import APPEARANCES, redirect, render

ROUTES = web.RouteTableDef()


@ROUTES.get("/profile")
async def show_profile(request: web.Request) -> web.StreamResponse:
    profile = await api_of(request).get("/v1/profile")
    return render(request, "profile.html", person=profile, form=Form())


@ROUTES.post("/profile/appearance")
async def change_appearance(request: web.Request) -> web.StreamResponse:
    """Language and colours, kept in this browser."""
    form, cookies = form_of(request), request.app[COOKIES]
    response = redirect(request, "/profile", _("Saved."))
    language = form["language"]
    if language in LANGUAGES:
        LANGUAGE.set(language)
        cookies.set(response, LANGUAGE_COOKIE, language, PREFERENCE_SECONDS)
    appearance = form["appearance"] if form["appearance"] in APPEARANCES else ""
    cookies.set(response, APPEARANCE_COOKIE, appearance, PREFERENCE_SECONDS)
    return response
