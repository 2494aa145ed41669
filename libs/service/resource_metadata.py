"""OAuth 2.0 Protected Resource Metadata (RFC 9728): how clients find the issuer."""

from __future__ import annotations

from aiohttp import hdrs, web

from libs.auth import AuthSettings, Scope, public
from libs.web.responses import json_response

PATH = "/.well-known/oauth-protected-resource"


def resource_metadata_route(settings: AuthSettings, name: str) -> web.RouteDef:
    """The route that serves the metadata; `name` is for people."""
    metadata = {
        "resource": settings.audience,
        "authorization_servers": [settings.issuer],
        "scopes_supported": list(Scope),
        "bearer_methods_supported": ["header"],
        "resource_name": name,
    }

    @public
    async def show_resource_metadata(_request: web.Request) -> web.Response:
        return json_response(metadata, headers={hdrs.CACHE_CONTROL: "public, max-age=3600"})

    return web.get(PATH, show_resource_metadata, allow_head=False)
