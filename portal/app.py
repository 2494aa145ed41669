"""The portal's application: its pages, behind what protects every one of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
from aiohttp import web

from libs.auth import JwksKeys
from libs.postgres.pool import DATABASE, database_context
from libs.web.context import send_request_id
from libs.web.health import LIFECYCLE, Lifecycle
from libs.web.metrics import METRICS, Metrics
from libs.web.observation import observe_request
from libs.web.responses import prepare_by
from libs.web.server import announce_draining
from portal import assets, sign_in
from portal.api_client import API_HTTP
from portal.badges import BADGES, Badges
from portal.cookies import COOKIES, Cookies
from portal.identity.issuer import ISSUER, IssuerClient
from portal.metrics import PAGE_METRICS, PageMetrics
from portal.middleware import (
    check_form,
    check_scopes,
    load_session,
    measure_own_time,
    read_forms,
    render_errors,
)
from portal.pages import all_routes
from portal.rendering import TEMPLATES, create_environments
from portal.security import MAX_FORM_BYTES, SETTINGS, protect_response, refuse_cross_site
from portal.sessions.cipher import Cipher
from portal.sessions.sessions import SESSIONS, Sessions
from portal.settings import PortalSettings

# Pages read several resources at once.
API_CONNECTIONS = 200


def create_app(settings: PortalSettings) -> web.Application:
    """Everything wired, nothing connected: that happens when the application starts."""
    app = web.Application(
        middlewares=[
            observe_request,
            measure_own_time,
            render_errors,
            refuse_cross_site,
            read_forms,
            load_session,
            check_form,
            check_scopes,
        ],
        client_max_size=MAX_FORM_BYTES,
    )
    app[SETTINGS] = settings
    app[METRICS] = Metrics()
    app[PAGE_METRICS] = PageMetrics(app[METRICS].registry)
    app[LIFECYCLE] = Lifecycle()
    app[COOKIES] = Cookies(settings.is_secure)
    app[BADGES] = Badges()
    app[assets.ASSETS] = files = assets.read_assets()
    app[TEMPLATES] = create_environments(files)
    app.on_response_prepare.append(prepare_by(send_request_id, announce_draining, protect_response))
    app.add_routes([*assets.ROUTES, *sign_in.ROUTES, *all_routes()])
    app.cleanup_ctx.extend([database_context(settings.database), connect])
    return app


async def connect(app: web.Application) -> AsyncIterator[None]:
    """The HTTP clients, and the sessions over the database."""
    settings = app[SETTINGS]
    connector = aiohttp.TCPConnector(limit=API_CONNECTIONS, keepalive_timeout=50)
    jar = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(connector=connector, cookie_jar=jar) as http:
        app[API_HTTP] = http
        keys = JwksKeys(http, settings.auth.issuer, settings.auth.jwks_url)
        app[ISSUER] = IssuerClient(http, settings, keys, app[PAGE_METRICS])
        app[SESSIONS] = Sessions(
            app[DATABASE],
            Cipher(settings.session_keys),
            idle=settings.idle_lifetime,
            absolute=settings.absolute_lifetime,
        )
        cleaning = asyncio.create_task(app[SESSIONS].delete_expired_regularly())
        yield
        cleaning.cancel()
        await asyncio.gather(cleaning, return_exceptions=True)
        await keys.close()
