"""The OpenAPI 3.1 document, written by apispec from the contracts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema

from libs.web.apidocs.field_notes import add_notes, drop_empty_default, note_of
from libs.web.apidocs.operations import Operation, each_property
from libs.web.apidocs.patterns import translate_patterns
from libs.web.problems import CONTENT_TYPE as PROBLEM_TYPE
from libs.web.problems import phrase
from libs.web.schemas import ProblemAnswer

JSON_TYPE = "application/json"
_FILE = {"type": "string"}
_STREAMED = {
    "application/cloudevents-batch+json": {"type": "array", "items": {"type": "object"}},
}


def describe_openapi(
    title: str,
    version: str,
    operations: Iterable[Operation],
    *,
    issuer: str,
    description: str = "",
) -> dict[str, Any]:
    """The document as built-in types. `issuer` is where people sign in; it ends in a slash."""
    plugin = MarshmallowPlugin(schema_name_resolver=_name_of)
    info = {"description": description} if description else {}
    spec = APISpec(title, version, "3.1.0", info=info, plugins=[plugin], servers=[{"url": "/"}])
    described = list(operations)
    spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer"})
    spec.components.security_scheme("auth0", _sign_in(issuer, described))
    for operation in described:
        spec.path(operation.path, operations={operation.method: _operation(operation)})
    document: dict[str, Any] = spec.to_dict()
    schemas = document["components"].setdefault("schemas", {})
    for name, definition in each_property(schemas):
        # A default in a body would be sent by generated clients, and overwrite what is stored.
        definition.pop("default", None)
        add_notes(name, definition, example_key="examples")
    for parameter in _parameters(document):
        drop_empty_default(parameter["schema"])
        _make_precise(parameter["schema"])
        add_notes(parameter["name"], parameter, example_key="example")
        _describe_example(parameter)
    translate_patterns(document)
    return document


def _parameters(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for methods in document["paths"].values():
        for operation in methods.values():
            yield from operation["parameters"]


def _describe_example(parameter: dict[str, Any]) -> None:
    """Swagger UI sends the examples of optional parameters unless somebody empties them, so they
    are part of the description."""
    if not parameter["required"] and "example" in parameter:
        example = parameter.pop("example")
        parameter["description"] = f"{parameter.get('description', '')} Example: `{example}`."


def _make_precise(schema: dict[str, Any]) -> None:
    """A parameter is text unless its field says more, and never null, of which generators would
    make a type of its own."""
    if isinstance(kinds := schema.setdefault("type", "string"), list):
        [schema["type"]] = [kind for kind in kinds if kind != "null"]
    if None in schema.get("enum", ()):
        schema["enum"] = [value for value in schema["enum"] if value is not None]


def _name_of(schema: type[Schema] | Schema | str) -> str:
    """The name of the class. apispec's own resolver drops "Schema", and with it the difference
    between a body and an answer."""
    if isinstance(schema, str):
        return schema
    if isinstance(schema, type):
        return schema.__name__
    return f"{'Partial' if schema.partial else ''}{type(schema).__name__}"


def _operation(operation: Operation) -> dict[str, Any]:
    contract = operation.contract
    described: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.path.split("/")[2]],
        "summary": contract.summary,
        "description": operation.description,
        "parameters": [*_path_parameters(operation), *_query(contract.query), *_headers(operation)],
        "responses": _responses(operation),
        "security": _security(operation.scopes),
    }
    if contract.body is not None:
        body = {
            "required": not contract.optional_body,
            "content": {JSON_TYPE: {"schema": contract.body}},
        }
        described["requestBody"] = body
    elif operation.uploads:
        binary = {"schema": {"type": "string", "format": "binary"}}
        content = dict.fromkeys(contract.consumes, binary)
        described["requestBody"] = {"required": True, "content": content}
    return described


def _path_parameters(operation: Operation) -> list[dict[str, Any]]:
    return [
        {
            "in": "path",
            "name": name,
            "required": True,
            "schema": {"type": "string"},
        }
        for name in operation.path_parameters
    ]


def _query(schema: Schema | None) -> list[dict[str, Any]]:
    return [{"in": "query", "schema": schema}] if schema is not None else []


def _headers(operation: Operation) -> list[dict[str, Any]]:
    return [
        {
            "in": "header",
            "name": name,
            "required": name in operation.contract.required_headers,
            "schema": {"type": "string"},
        }
        for name in operation.contract.headers
    ]


def _responses(operation: Operation) -> dict[str, Any]:
    contract = operation.contract
    answers: dict[int, Mapping[str, Any]] = {
        status: {PROBLEM_TYPE: {"schema": ProblemAnswer}} for status in operation.error_statuses
    }
    for status, schema in contract.answers.items():
        answers[status] = _content(contract.produces, schema)
    return {
        str(status): {
            "description": phrase(status),
            "headers": {
                name: {"schema": {"type": "string"}, "description": text}
                for name, text in operation.headers_of(status).items()
            },
            **({"content": content} if content else {}),
        }
        for status, content in sorted(answers.items())
    }


def _content(produces: tuple[str, ...], schema: Schema | None) -> Mapping[str, Any]:
    listed = {JSON_TYPE: {"schema": schema}} if schema is not None else {}
    streams = [kind for kind in produces if kind != JSON_TYPE]
    return {**listed, **{kind: {"schema": _STREAMED.get(kind, _FILE)} for kind in streams}}


def _security(scopes: tuple[str, ...] | None) -> list[dict[str, list[str]]]:
    """Alternatives, as `requires` reads its scopes. An empty list needs no token."""
    if scopes is None:
        return []
    signed_in: list[dict[str, list[str]]] = [{"auth0": [scope]} for scope in scopes]
    return [*(signed_in or [{"auth0": []}]), {"bearer": []}]


def _sign_in(issuer: str, operations: Iterable[Operation]) -> dict[str, Any]:
    named = sorted({scope for operation in operations for scope in operation.scopes or ()})
    flow = {
        "authorizationUrl": f"{issuer}authorize",
        "tokenUrl": f"{issuer}oauth/token",
        "scopes": {scope: note_of(scope).description for scope in named},
    }
    return {"type": "oauth2", "flows": {"authorizationCode": flow}}
