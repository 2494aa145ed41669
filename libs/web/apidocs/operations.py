"""The description of a route in both API documents, read once from its contract."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler
from marshmallow import Schema

from libs.web.contract import Contract, contract_of

ScopesOf = Callable[[Handler], tuple[str, ...] | None]
"""The scopes of a handler: any one is enough; () for any token; None for no token."""

_EVERYWHERE = (500, 503)
WITH_TOKEN = (401, 403, 429)
_WITH_INPUT = (422,)
_WITH_BODY = (400, 408, 413, 415, 422)
# A GET of an address that serves POST alone is a 405.
_WITH_NAME = (404, 405)

_REQUEST_ID = {"X-Request-Id": "Names the request in the log; quote it to support."}
_ETAG = {"ETag": "The version of the resource, for If-Match and If-None-Match."}
_LINK = {"Link": "The address of the next page, with rel=next (RFC 8288)."}
_LOCATION = {"Location": "The address of the resource."}
_CHALLENGE = {"WWW-Authenticate": "What the token lacks (RFC 6750 3, RFC 9470 3)."}
_RETRY = {"Retry-After": "Seconds to wait before trying again."}


@dataclass(frozen=True, slots=True)
class Operation:
    """A documented route; `path` is its template."""

    method: str
    path: str
    name: str
    contract: Contract
    scopes: tuple[str, ...] | None

    @property
    def error_statuses(self) -> list[int]:
        """The statuses of its problems."""
        statuses = {*_EVERYWHERE, *self.contract.problems, *_WITH_INPUT}
        if self.scopes is not None:
            statuses.update(WITH_TOKEN)
        if self.contract.body is not None or self.uploads:
            statuses.update(_WITH_BODY)
        if "{" in self.path:
            statuses.update(_WITH_NAME)
        return sorted(statuses)

    @property
    def description(self) -> str:
        """The contract's description and the scopes, in sentences."""
        return "\n\n".join(filter(None, (self.contract.description, _access(self.scopes))))

    @property
    def path_parameters(self) -> list[str]:
        """The names of the parameters in the path."""
        return re.findall(r"\{(\w+)\}", self.path)

    @property
    def uploads(self) -> bool:
        """Whether the body is a file, read as a stream."""
        return self.contract.body is None and self.contract.consumes != ("application/json",)

    def headers_of(self, status: int) -> Mapping[str, str]:
        """The response headers worth knowing at this status, each with a description."""
        headers = dict(_REQUEST_ID)
        if status == 401:
            headers |= _CHALLENGE
        if status in (429, 503):
            headers |= _RETRY
        if status >= 400:
            return headers
        if 304 in self.contract.answers or "If-Match" in self.contract.headers:
            headers |= _ETAG
        if status == 201:
            headers |= _LOCATION
        if _is_page(self.contract.answers.get(status)):
            headers |= _LINK
        return headers


def operations(routes: Iterable[web.RouteDef], scopes_of: ScopesOf) -> Iterator[Operation]:
    """The documented operations: those of the routes that have a contract."""
    router = web.UrlDispatcher()
    for route in routes:
        contract = contract_of(route.handler)
        if contract is None:
            continue
        template = router.add_route(route.method, route.path, route.handler).resource
        path = template.canonical if template is not None else route.path
        name = getattr(route.handler, "__name__", "handler")
        yield Operation(route.method.lower(), path, name, contract, scopes_of(route.handler))


def _access(scopes: tuple[str, ...] | None) -> str:
    if scopes is None:
        return "Needs no access token."
    named = " or ".join(f"`{scope}`" for scope in scopes)
    return f"Needs the scope {named}." if named else "Needs an access token."


def _is_page(schema: Schema | None) -> bool:
    return schema is not None and {"items", "next"} <= schema.fields.keys()


def each_property(schemas: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The name and the definition of every property of the schemas."""
    for schema in schemas.values():
        yield from schema.get("properties", {}).items()
