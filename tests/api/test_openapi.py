"""The API documents: valid, complete, and safe to generate clients from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import openapi_spec_validator
import pytest
from swagger_spec_validator import validator20

from libs.auth import Scope
from tests.conftest import Guarded
from tests.support.services import Route

PROBLEM = {"$ref": "#/components/schemas/ProblemAnswer"}


@pytest.fixture
def routes(guarded: Guarded) -> list[Route]:
    """All but those of the page itself."""
    return [route for route in guarded.routes if not route.access.public]


@pytest.fixture
async def openapi(guarded: Guarded) -> dict[str, Any]:
    return await read(guarded, "openapi.json")


@pytest.fixture
async def swagger(guarded: Guarded) -> dict[str, Any]:
    return await read(guarded, "swagger.json")


async def read(guarded: Guarded, name: str) -> dict[str, Any]:
    reply = await guarded.service.bearer(None).get(f"/v1/{guarded.name}/{name}")
    assert reply.status == 200
    answer: dict[str, Any] = reply.json
    return answer


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


async def test_both_documents_are_valid(openapi: dict[str, Any], swagger: dict[str, Any]) -> None:
    assert (openapi["openapi"], swagger["swagger"]) == ("3.1.0", "2.0")
    openapi_spec_validator.validate(openapi)
    validator20.validate_spec(swagger)


async def test_every_route_is_in_both_documents(
    openapi: dict[str, Any], swagger: dict[str, Any], routes: list[Route]
) -> None:
    expected = {(route.method, route.template) for route in routes}

    for document in (openapi, swagger):
        assert {(method, path) for method, path, _ in operations(document)} == expected


async def test_every_operation_names_its_scopes_and_problems(
    openapi: dict[str, Any], routes: list[Route]
) -> None:
    for route in routes:
        operation = openapi["paths"][route.template][route.method.lower()]
        required = {scope for item in operation["security"] for scope in item.get("auth0", ())}
        assert required == {str(scope) for scope in route.access.scopes}
        assert {"401", "403", "422", "429", "500", "503"} <= operation["responses"].keys()
        assert "404" in operation["responses"] or "{" not in route.template
        for status, answer in operation["responses"].items():
            problem = answer.get("content", {}).get("application/problem+json", {})
            assert (problem.get("schema") == PROBLEM) == (int(status) >= 400), (route, status)
            assert "X-Request-Id" in answer["headers"]


async def test_operation_ids_are_unique_identifiers(openapi: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(openapi)]

    assert len(set(names)) == len(names)
    assert all(name.isidentifier() for name in names)


async def test_every_field_has_a_description_and_an_example(openapi: dict[str, Any]) -> None:
    undescribed = {
        (schema, name)
        for schema, definition in openapi["components"]["schemas"].items()
        for name, field in definition.get("properties", {}).items()
        if not field.get("description")
    }
    parameters = {
        (operation["operationId"], parameter["name"])
        for _, _, operation in operations(openapi)
        for parameter in operation["parameters"]
        if not parameter.get("description") and not parameter["schema"].get("description")
    }

    without_example = {
        (schema, name)
        for schema, definition in openapi["components"]["schemas"].items()
        for name, field in definition.get("properties", {}).items()
        if not field.get("examples") and not holds_reference(field)
    }

    assert undescribed == set()
    assert parameters == set()
    assert without_example == set()


def holds_reference(field: dict[str, Any]) -> bool:
    """Whether another schema has the examples."""
    return any("$ref" in kind for kind in (field, *field.get("anyOf", ())))


async def test_no_parameter_can_be_null(openapi: dict[str, Any]) -> None:
    for _, _, operation in operations(openapi):
        for parameter in operation["parameters"]:
            schema = parameter["schema"]
            assert None not in schema.get("enum", ())
            assert isinstance(schema["type"], str), parameter


async def test_no_body_has_a_default_that_a_generated_client_would_send(
    openapi: dict[str, Any], swagger: dict[str, Any]
) -> None:
    for schemas in (openapi["components"]["schemas"], swagger["definitions"]):
        for schema in schemas.values():
            for field in schema.get("properties", {}).values():
                assert "default" not in field


async def test_uploads_have_a_body_and_need_their_key(openapi: dict[str, Any]) -> None:
    uploads = [
        operation
        for _, _, operation in operations(openapi)
        if operation["operationId"] == "create_batch"
    ]
    for operation in uploads:
        assert operation["requestBody"]["required"]
        assert {"text/csv", "application/x-ndjson"} <= operation["requestBody"]["content"].keys()
        [key] = [p for p in operation["parameters"] if p["name"] == "Idempotency-Key"]
        assert key["required"]


def texts_at(name: str, node: Any) -> set[str]:
    """The texts under this name, wherever it stands."""
    if isinstance(node, dict):
        own = {node[name]} if isinstance(node.get(name), str) else set()
        return own.union(*(texts_at(name, value) for value in node.values()))
    if isinstance(node, list):
        return set().union(*(texts_at(name, value) for value in node))
    return set()


async def test_patterns_are_those_of_json_schema(openapi: dict[str, Any]) -> None:
    for pattern in texts_at("pattern", openapi):
        assert re.fullmatch(r"\^[^\\]+\$", pattern), pattern


async def test_signing_in_leads_to_the_configured_issuer(
    guarded: Guarded, openapi: dict[str, Any], swagger: dict[str, Any]
) -> None:
    issuer = guarded.service.issuer
    flow = openapi["components"]["securitySchemes"]["auth0"]["flows"]["authorizationCode"]

    assert flow["authorizationUrl"] == f"{issuer}authorize"
    assert swagger["securityDefinitions"]["auth0"]["tokenUrl"] == f"{issuer}oauth/token"
    assert set(flow["scopes"]) <= set(Scope)
    assert all(flow["scopes"].values())


async def test_the_page_is_served_from_its_own_files(guarded: Guarded) -> None:
    anybody, base = guarded.service.bearer(None), f"/v1/{guarded.name}/docs"
    page = await anybody.get(base)

    assert page.status == 200
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert f"connect-src 'self' {guarded.service.issuer.rstrip('/')};" in policy
    text = page.body.decode()
    assert "http" not in text.replace("<!doctype html>", "")
    for name in ("swagger-ui.css", "swagger-ui-bundle.js", "start.js"):
        assert f"{base}/static/{name}" in text
        assert (await anybody.get(f"{base}/static/{name}")).status == 200


async def test_a_problem_may_have_members_of_its_own(openapi: dict[str, Any]) -> None:
    problem = openapi["components"]["schemas"]["ProblemAnswer"]
    assert problem["additionalProperties"] is True


async def test_bodies_are_required_except_those_that_may_be_left_out(
    openapi: dict[str, Any],
) -> None:
    optional = {
        path
        for _, path, operation in operations(openapi)
        if "requestBody" in operation and not operation["requestBody"]["required"]
    }
    assert optional <= {"/v1/timesheets/{week}/submit", "/v1/timesheets/{week}/withdraw"}
