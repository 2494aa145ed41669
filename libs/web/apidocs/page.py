"""The routes of the API documents, and Swagger UI to read and try them.

Swagger UI's files are those of the package drf-spectacular-sidecar, which the service serves
itself. The package is never imported: it would import Django.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from libs.web.apidocs.openapi import describe_openapi
from libs.web.apidocs.operations import ScopesOf, operations
from libs.web.apidocs.swagger import describe_swagger
from libs.web.responses import encode_json

_PACKAGE = "drf-spectacular-sidecar"
_FOLDER = "drf_spectacular_sidecar/static/drf_spectacular_sidecar/swagger-ui-dist"
ASSETS = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "oauth2-redirect.html": "text/html",
    "oauth2-redirect.js": "text/javascript",
}

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="{base}/static/swagger-ui.css">
<link rel="icon" href="data:,">
</head>
<body>
<div id="swagger-ui"></div>
<script src="{base}/static/swagger-ui-bundle.js"></script>
<script src="{base}/static/start.js"></script>
</body>
</html>
"""
_START = """const ui = SwaggerUIBundle({options});
ui.initOAuth({sign_in});
"""


@dataclass(frozen=True, slots=True)
class ApiPage:
    """`name` is the service's prefix under /v1. `issuer` ends in a slash; `client_id` is the
    application that the page signs in as, to be typed in if empty."""

    name: str
    title: str
    version: str
    scopes_of: ScopesOf
    issuer: str
    audience: str
    client_id: str = ""


def api_routes(page: ApiPage, routes: Iterable[web.RouteDef]) -> list[web.RouteDef]:
    """Routes that serve both documents of `routes`, and the page."""
    described = list(routes)
    base = f"/v1/{page.name}"
    about = {"title": page.title, "version": page.version}

    def openapi() -> dict[str, Any]:
        found = operations(described, page.scopes_of)
        return describe_openapi(**about, operations=found, issuer=page.issuer)

    def swagger() -> dict[str, Any]:
        found = operations(described, page.scopes_of)
        return describe_swagger(**about, operations=found, issuer=page.issuer)

    return [
        web.get(f"{base}/openapi.json", _document(openapi), allow_head=False),
        web.get(f"{base}/swagger.json", _document(swagger), allow_head=False),
        web.get(f"{base}/docs", _show_page(page, f"{base}/docs"), allow_head=False),
        web.get(f"{base}/docs/static/start.js", _show_start(page, base), allow_head=False),
        *(
            web.get(f"{base}/docs/static/{name}", _asset(name, kind), allow_head=False)
            for name, kind in ASSETS.items()
        ),
    ]


def _document(describe: Callable[[], dict[str, Any]]) -> Handler:
    # Writing it takes longer than the rest of the start, so it waits for the first reader.
    body = functools.cache(lambda: encode_json(describe()))

    async def show_document(_request: web.Request) -> web.Response:
        return web.Response(body=body(), content_type="application/json")

    return show_document


def _show_page(page: ApiPage, base: str) -> Handler:
    html = _PAGE.format(title=page.title, base=base)
    parts = urlsplit(page.issuer)
    issuer = f"{parts.scheme}://{parts.netloc}"
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        f"img-src 'self' data:; connect-src 'self' {issuer}; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )

    async def show_page(_request: web.Request) -> web.Response:
        headers = {"Content-Security-Policy": policy}
        return web.Response(text=html, content_type="text/html", headers=headers)

    return show_page


def _show_start(page: ApiPage, base: str) -> Handler:
    async def show_start(request: web.Request) -> web.Response:
        options = {
            "url": f"{base}/openapi.json",
            "dom_id": "#swagger-ui",
            "deepLinking": True,
            "persistAuthorization": False,
            "oauth2RedirectUrl": f"{_origin(request)}{base}/docs/static/oauth2-redirect.html",
        }
        sign_in = {
            "clientId": page.client_id,
            "usePkceWithAuthorizationCodeGrant": True,
            "additionalQueryStringParams": {"audience": page.audience},
        }
        text = _START.format(options=_json(options), sign_in=_json(sign_in))
        return web.Response(text=text, content_type="text/javascript")

    return show_start


def _origin(request: web.Request) -> str:
    scheme = request.headers.get("X-Forwarded-Proto", request.scheme)
    return f"{scheme if scheme in ('http', 'https') else request.scheme}://{request.host}"


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _asset(name: str, content_type: str) -> Handler:
    path = Path(str(distribution(_PACKAGE).locate_file(f"{_FOLDER}/{name}")))

    async def show_asset(_request: web.Request) -> web.FileResponse:
        headers = {
            hdrs.CACHE_CONTROL: "public, max-age=3600",
            hdrs.CONTENT_TYPE: f"{content_type}; charset=utf-8",
        }
        return web.FileResponse(path, headers=headers)

    return show_asset
