"""Pages from templates."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jinja2
import msgspec
from aiohttp import hdrs, web

from portal import formats, i18n, labels
from portal.api_texts import how_to_unlock
from portal.assets import ASSETS, Asset
from portal.cookies import APPEARANCE_COOKIE, COOKIES
from portal.navigation import navigation
from portal.sessions.model import Session, masked_csrf_token
from portal.timers import Timer
from portal.week_grid import colour_of

FOLDER = Path(__file__).parent / "templates"
NOTICE_COOKIE = "notice"
NOTICE_SECONDS = 60
# The header with which our own script asks for a page.
SCRIPT_HEADER = "X-Portal-Script"
COMPRESSION_LEVEL = 5
APPEARANCES = ("light", "dark")

SESSION = web.RequestKey("SESSION", Session)
BADGE_COUNTS = web.RequestKey("BADGE_COUNTS", dict)
"""Numbers beside navigation items, by their path."""
RUNNING_TIMER = web.RequestKey("RUNNING_TIMER", Timer)
TEMPLATES = web.AppKey("TEMPLATES", dict[str, jinja2.Environment])


def create_environments(assets: dict[str, Asset]) -> dict[str, jinja2.Environment]:
    """One per language, as templates are compiled with their texts."""
    return {language: _environment(language, assets) for language in i18n.LANGUAGES}


def _environment(language: str, assets: dict[str, Asset]) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
        auto_reload=False,
    )
    environment.install_gettext_translations(  # type: ignore[attr-defined]
        i18n.catalog_of(language), newstyle=True
    )
    environment.policies["ext.i18n.trimmed"] = True
    for name in (
        *("duration", "hours", "weekday", "day", "long_day", "full_date", "month"),
        *("week_range", "week_number", "moment"),
    ):
        environment.filters[name] = getattr(formats, name)
    for name in labels.__all__:
        environment.globals[name] = getattr(labels, name)
    environment.globals.update(
        languages=i18n.LANGUAGES,
        query_string=query_string,
        address=address,
        icons=assets["icons.svg"].url,
        colour_of=colour_of,
        how_to_unlock=how_to_unlock,
        weekday_names=formats.weekday_names,
    )
    return environment


def is_scripted(request: web.Request) -> bool:
    """Whether our script, not the browser's navigation, sent the request."""
    return SCRIPT_HEADER in request.headers


def render(
    request: web.Request, template: str, *, status: int = 200, **context: Any
) -> web.Response:
    """A whole page; the script takes the parts it needs."""
    app = request.app
    session = request.get(SESSION)
    cookies = app[COOKIES]
    appearance = cookies.read(request, APPEARANCE_COOKIE)
    notice = _read_notice(cookies.read(request, NOTICE_COOKIE))
    language = i18n.LANGUAGE.get()
    text = (
        app[TEMPLATES][language]
        .get_template(template)
        .render(
            session=session,
            profile=session.profile if session else None,
            may=session.may if session else lambda *_scopes: False,
            csrf=masked_csrf_token(session.csrf_secret) if session else "",
            navigation=navigation(request.path, session, request.get(BADGE_COUNTS) or {}),
            running=request.get(RUNNING_TIMER),
            now=datetime.now(UTC),
            path=request.path,
            query=request.query,
            language=language,
            appearance=appearance if appearance in APPEARANCES else "",
            assets=app[ASSETS],
            notice=notice,
            zone=session.profile.time_zone if session else "",
            **context,
        )
    )
    response = html_response(request, text, status)
    if notice:
        cookies.delete(response, NOTICE_COOKIE)
    return response


def html_response(request: web.Request, text: str, status: int) -> web.Response:
    """A response of HTML, by gzip if the browser takes that."""
    body = text.encode()
    headers = {hdrs.VARY: f"{hdrs.ACCEPT_ENCODING}, {hdrs.COOKIE}"}
    if "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, "") and len(body) > 1000:
        compressor = zlib.compressobj(COMPRESSION_LEVEL, wbits=31)
        body = compressor.compress(body) + compressor.flush()
        headers[hdrs.CONTENT_ENCODING] = "gzip"
    return web.Response(
        body=body, status=status, content_type="text/html", charset="utf-8", headers=headers
    )


def redirect(request: web.Request, location: str, notice: str = "") -> web.Response:
    """303 to a page of ours, which shows `notice` once."""
    response = web.Response(status=303, headers={hdrs.LOCATION: location})
    if notice:
        encoded = base64.urlsafe_b64encode(notice.encode()).decode()
        request.app[COOKIES].set(response, NOTICE_COOKIE, encoded, NOTICE_SECONDS)
    return response


def leave(request: web.Request, location: str) -> web.Response:
    """Send the browser to another site. A script cannot follow there: it gets the address."""
    if is_scripted(request):
        return web.json_response({"location": location}, status=401)
    return web.Response(status=303, headers={hdrs.LOCATION: location})


def json_response(payload: Any, status: int = 200) -> web.Response:
    """A response of JSON."""
    body = msgspec.json.encode(payload)
    return web.Response(body=body, status=status, content_type="application/json")


def _read_notice(cookie: str) -> str:
    try:
        return base64.urlsafe_b64decode(cookie.encode()).decode()
    except ValueError:
        return ""


def query_string(query: Mapping[str, str], **changes: str | None) -> str:
    """The address's query with some parameters changed, or taken out by None."""
    merged = {**query, **changes}
    return urlencode({name: value for name, value in merged.items() if value})


def address(path: str, query: Mapping[str, str]) -> str:
    """The path with the parameters of a query."""
    text = query_string(query)
    return f"{path}?{text}" if text else path
