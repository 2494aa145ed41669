"""The API page: Swagger 2.0 written by aiohttp-apispec from the contracts, and Swagger UI.

The only module that imports aiohttp-apispec, whose habits stay in here: it takes the schemas
out of a handler when it reads them (so they are put on anew each time), it documents HEAD, and
it keeps string keys in an application (so it gets one that is thrown away).
"""

from __future__ import annotations

import copy
import functools
import http
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler
from aiohttp_apispec import (
    docs,
    json_schema,
    querystring_schema,
    response_schema,
    setup_aiohttp_apispec,
)

from libs.web.contract import Contract, contract_of
from libs.web.problems import CONTENT_TYPE
from libs.web.responses import encode_json
from libs.web.schemas import ProblemAnswer

ScopesOf = Callable[[Handler], tuple[str, ...] | None]
"""The scopes a handler asks for: any one of them is enough; () any token; None no token."""

_EVERYWHERE = (500, 503)
_WITH_TOKEN = (401, 403, 429)
_WITH_INPUT = (422,)
_WITH_BODY = (400, 408, 413, 415, 422)
# Another route may have the name: GET of an address that takes POST alone.
_WITH_NAME = (404, 405)

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="{base}/static/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="{base}/static/swagger-ui-bundle.js"></script>
<script src="{base}/static/start.js"></script>
</body>
</html>
"""
_START = """SwaggerUIBundle({{url: "{url}", dom_id: "#swagger-ui", deepLinking: true}});
"""
_PAGE_POLICY = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; " + (
    "img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'"
)


@dataclass(frozen=True, slots=True)
class ApiPage:
    """`name` is the service's prefix under /v1."""

    name: str
    title: str
    version: str
    scopes_of: ScopesOf


def api_routes(page: ApiPage, routes: Iterable[web.RouteDef]) -> list[web.RouteDef]:
    """Routes that serve the OpenAPI document of `routes` and Swagger UI, all from memory."""
    base, document_url = f"/v1/{page.name}/docs", f"/v1/{page.name}/openapi.json"
    # Writing it takes longer than all the rest of the start.
    document = functools.cache(lambda: encode_json(describe(page, routes)))
    html = _PAGE.format(title=page.title, base=base)

    async def show_document(_request: web.Request) -> web.Response:
        return web.Response(body=document(), content_type="application/json")

    async def show_page(_request: web.Request) -> web.Response:
        headers = {"Content-Security-Policy": _PAGE_POLICY}
        return web.Response(text=html, content_type="text/html", headers=headers)

    async def show_start(_request: web.Request) -> web.Response:
        script = _START.format(url=document_url)
        return web.Response(text=script, content_type="text/javascript")

    return [
        web.get(document_url, show_document, allow_head=False),
        web.get(base, show_page, allow_head=False),
        web.get(f"{base}/static/start.js", show_start, allow_head=False),
        web.get(
            f"{base}/static/swagger-ui.css", _asset("swagger-ui.css", "text/css"), allow_head=False
        ),
        web.get(
            f"{base}/static/swagger-ui-bundle.js",
            _asset("swagger-ui-bundle.js", "text/javascript"),
            allow_head=False,
        ),
    ]


def describe(page: ApiPage, routes: Iterable[web.RouteDef]) -> dict[str, Any]:
    """The Swagger 2.0 document of those routes that have a contract."""
    scratch = web.Application()
    scopes: dict[tuple[str, str], tuple[str, ...] | None] = {}
    for route in routes:
        contract = contract_of(route.handler)
        if contract is None:
            continue
        documented = _documented(contract, page, named="{" in route.path)
        added = scratch.router.add_route(route.method, route.path, documented)
        template = added.resource.canonical if added.resource else route.path
        scopes[template, route.method.lower()] = page.scopes_of(route.handler)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", web.NotAppKeyWarning)
        setup_aiohttp_apispec(
            scratch,
            title=page.title,
            version=page.version,
            url=None,
            in_place=True,
            securityDefinitions=_security_definition(scopes.values()),
        )
        document: dict[str, Any] = copy.deepcopy(scratch["swagger_dict"])
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _add_security(operation, scopes[path, method])
    _translate_patterns(document)
    return document


def _translate_patterns(node: Any) -> None:
    r"""marshmallow's patterns begin where the text does and end with \Z; JSON Schema's begin
    anywhere and know no \Z."""
    if isinstance(node, list):
        for inner in node:
            _translate_patterns(inner)
    elif isinstance(node, dict):
        if isinstance(pattern := node.get("pattern"), str):
            node["pattern"] = "^" + pattern.removesuffix(r"\Z") + "$"
        _translate_patterns(list(node.values()))


def _documented(contract: Contract, page: ApiPage, *, named: bool) -> Handler:
    """A stand-in for the handler, carrying aiohttp-apispec's marks for one reading; `named` where
    the address holds the name of something."""

    async def handler(_request: web.Request) -> web.StreamResponse:
        return web.Response()

    described: Any = handler
    for status in _refusals(contract, named=named):
        described = response_schema(ProblemAnswer(), status, description=_phrase(status))(described)
    for status, schema in contract.answers.items():
        if schema is not None:
            described = response_schema(schema, status, description=_phrase(status))(described)
        else:
            described = docs(responses={str(status): {"description": _phrase(status)}})(described)
    if contract.query is not None:
        described = querystring_schema(contract.query)(described)
    if contract.body is not None:
        described = json_schema(contract.body, required=not contract.optional_body)(described)
    headers = [
        {"in": "header", "name": name, "type": "string", "required": False}
        for name in contract.headers
    ]
    marked: Handler = docs(
        tags=[page.name],
        summary=contract.summary,
        description=contract.description,
        parameters=headers,
        consumes=list(contract.consumes),
        produces=[*contract.produces, CONTENT_TYPE],
    )(described)
    return marked


def _refusals(contract: Contract, *, named: bool) -> list[int]:
    statuses = {*_EVERYWHERE, *_WITH_TOKEN, *contract.problems, *_WITH_INPUT}
    if contract.body is not None:
        statuses.update(_WITH_BODY)
    if named:
        statuses.update(_WITH_NAME)
    return sorted(statuses)


def _add_security(operation: dict[str, Any], scopes: tuple[str, ...] | None) -> None:
    if scopes is None:
        for status in map(str, _WITH_TOKEN):
            operation["responses"].pop(status, None)
        operation["security"] = []
        return
    # Swagger reads a list of requirements as alternatives, as `requires` does.
    operation["security"] = [{"auth0": [scope]} for scope in scopes] or [{"auth0": []}]
    told = " or ".join(f"`{scope}`" for scope in scopes)
    asks = f"Asks for the scope {told}." if scopes else "Asks for any valid access token."
    operation["description"] = f"{operation.get('description', '')}\n\n{asks}".strip()


def _security_definition(scopes: Iterable[tuple[str, ...] | None]) -> dict[str, Any]:
    named = sorted({scope for asked in scopes for scope in asked or ()})
    return {
        "auth0": {
            "type": "oauth2",
            "flow": "accessCode",
            "authorizationUrl": "https://exampleco.auth0.com/authorize",
            "tokenUrl": "https://exampleco.auth0.com/oauth/token",
            "scopes": {scope: scope.replace(":", " ") for scope in named},
        }
    }


def _phrase(status: int) -> str:
    return http.HTTPStatus(status).phrase


def _asset(name: str, content_type: str) -> Handler:
    async def show_asset(_request: web.Request) -> web.Response:
        body = files("aiohttp_apispec").joinpath("static", name).read_bytes()
        headers = {hdrs.CACHE_CONTROL: "public, max-age=3600"}
        return web.Response(body=body, content_type=content_type, headers=headers)

    return show_asset
