"""The context of a request: the session and the API in the person's name."""

from __future__ import annotations

from aiohttp import hdrs, web

from libs.web.context import REQUEST_ID, current_traceparent
from portal.api_client import API, API_HTTP, Api
from portal.identity.issuer import ISSUER
from portal.rendering import SESSION
from portal.security import SETTINGS
from portal.sessions.model import Profile, Session
from portal.sessions.sessions import SESSIONS


def create_api(request: web.Request, session: Session) -> Api:
    """A client of the API that acts for the session's person and renews a refused token once."""
    sessions, issuer = request.app[SESSIONS], request.app[ISSUER]

    async def renew(refused: Session) -> Session:
        return await sessions.force_renewal(refused, issuer.renew)

    headers = {"X-Request-Id": request.get(REQUEST_ID, ""), hdrs.USER_AGENT: "timesheets-portal"}
    if traceparent := current_traceparent():
        headers["traceparent"] = traceparent
    return Api(request.app[API_HTTP], request.app[SETTINGS].api_url, session, renew, headers)


def api_of(request: web.Request) -> Api:
    """The request's client of the API."""
    return request[API]


def profile_of(request: web.Request) -> Profile:
    """The profile of the person who is signed in. Raises `KeyError` without a session."""
    return request[SESSION].profile
