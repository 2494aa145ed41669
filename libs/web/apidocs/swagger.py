"""The Swagger 2.0 document, written by aiohttp-apispec from the contracts.

The only module that imports aiohttp-apispec. Its habits stay in here: it takes the schemas out
of a handler when it reads them (so each reading gets a stand-in), it documents HEAD, and it keeps
string keys in an application (so it gets one that is thrown away).
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler
from aiohttp_apispec import (
    docs,
    json_schema,
    querystring_schema,
    response_schema,
    setup_aiohttp_apispec,
)

from libs.web.apidocs.field_notes import add_notes, drop_empty_default, note_of
from libs.web.apidocs.operations import Operation, each_property
from libs.web.apidocs.patterns import translate_patterns
from libs.web.problems import CONTENT_TYPE, phrase
from libs.web.schemas import ProblemAnswer


def describe_swagger(
    title: str, version: str, operations: Iterable[Operation], *, issuer: str
) -> dict[str, Any]:
    """The document as built-in types. `issuer` is where people sign in; it ends in a slash."""
    described = list(operations)
    scratch = web.Application()
    for operation in described:
        scratch.router.add_route(operation.method.upper(), operation.path, _stand_in(operation))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", web.NotAppKeyWarning)
        setup_aiohttp_apispec(
            scratch,
            title=title,
            version=version,
            url=None,
            in_place=True,
            securityDefinitions=_security_definitions(issuer, described),
        )
        document: dict[str, Any] = copy.deepcopy(scratch["swagger_dict"])
    for operation in described:
        _complete(document["paths"][operation.path][operation.method], operation)
    for name, definition in each_property(document["definitions"]):
        _make_valid(definition)
        # A default in a body would be sent by generated clients, and overwrite what is stored.
        definition.pop("default", None)
        add_notes(name, definition, example_key="example")
    translate_patterns(document)
    return document


def _stand_in(operation: Operation) -> Handler:
    """A handler that carries aiohttp-apispec's marks for one reading."""

    async def handler(_request: web.Request) -> web.StreamResponse:
        return web.Response()

    contract = operation.contract
    marked: Any = handler
    for status in operation.error_statuses:
        marked = response_schema(ProblemAnswer(), status, description=phrase(status))(marked)
    for status, schema in contract.answers.items():
        if schema is not None:
            marked = response_schema(schema, status, description=phrase(status))(marked)
        else:
            marked = docs(responses={str(status): {"description": phrase(status)}})(marked)
    if contract.query is not None:
        marked = querystring_schema(contract.query)(marked)
    if contract.body is not None:
        marked = json_schema(contract.body, required=not contract.optional_body)(marked)
    documented: Handler = docs(
        operationId=operation.name,
        tags=[operation.path.split("/")[2]],
        summary=contract.summary,
        description=operation.description,
        parameters=[*_headers(operation), *_upload(operation)],
        consumes=list(contract.consumes),
        produces=[*contract.produces, CONTENT_TYPE],
    )(marked)
    return documented


def _headers(operation: Operation) -> Iterator[dict[str, Any]]:
    for name in operation.contract.headers:
        yield {
            "in": "header",
            "name": name,
            "type": "string",
            "required": name in operation.contract.required_headers,
            "description": note_of(name).description,
        }


def _upload(operation: Operation) -> Iterator[dict[str, Any]]:
    if operation.uploads:
        yield {
            "in": "body",
            "name": "body",
            "required": True,
            "description": "The file.",
            "schema": {"type": "string", "format": "binary"},
        }


def _complete(described: dict[str, Any], operation: Operation) -> None:
    """Add what aiohttp-apispec cannot say: headers of responses, alternatives of scopes."""
    for status, response in described["responses"].items():
        response["headers"] = {
            name: {"type": "string", "description": text}
            for name, text in operation.headers_of(int(status)).items()
        }
    for parameter in described["parameters"]:
        if parameter["in"] in ("query", "path"):
            parameter.setdefault("type", "string")
            _make_valid(parameter)
            parameter.pop("example", None)  # Swagger 2.0 has examples of schemas only
            drop_empty_default(parameter)
            parameter.setdefault("description", note_of(parameter["name"]).description)
    scopes = operation.scopes
    if scopes is None:
        described["security"] = []
    else:
        signed_in: list[dict[str, list[str]]] = [{"auth0": [scope]} for scope in scopes]
        described["security"] = [*(signed_in or [{"auth0": []}]), {"bearer": []}]


def _make_valid(definition: dict[str, Any]) -> None:
    """Swagger 2.0 knows neither null nor anything beside a reference."""
    if (reference := definition.pop("$ref", None)) is not None:
        definition["allOf"] = [{"$ref": reference}]
    if None in definition.get("enum", ()):
        definition["enum"] = [value for value in definition["enum"] if value is not None]
    if isinstance(kinds := definition.get("type"), list):
        definition["type"] = next(kind for kind in kinds if kind != "null")
        definition["x-nullable"] = True


def _security_definitions(issuer: str, operations: Iterable[Operation]) -> dict[str, Any]:
    named = sorted({scope for operation in operations for scope in operation.scopes or ()})
    return {
        "auth0": {
            "type": "oauth2",
            "flow": "accessCode",
            "authorizationUrl": f"{issuer}authorize",
            "tokenUrl": f"{issuer}oauth/token",
            "scopes": {scope: note_of(scope).description for scope in named},
        },
        "bearer": {
            "type": "apiKey",
            "name": "Authorization",
            "in": "header",
            "description": "`Bearer` and an access token.",
        },
    }
