"""The API pages: every route is on its service's page, with its scopes and its errors."""

from __future__ import annotations

import re
from typing import Any

import pytest

from libs.auth import Scope
from tests.conftest import Guarded
from tests.support.services import Route


@pytest.fixture
def routes(guarded: Guarded) -> list[Route]:
    """All but those of the page itself."""
    return [route for route in guarded.routes if not route.access.public]


@pytest.fixture
async def document(guarded: Guarded) -> dict[str, Any]:
    reply = await guarded.service.bearer(None).get(f"/v1/{guarded.name}/openapi.json")
    assert reply.status == 200
    answer: dict[str, Any] = reply.json
    return answer


async def test_every_route_is_on_the_page(document: dict[str, Any], routes: list[Route]) -> None:
    documented = {
        (method.upper(), path)
        for path, operations in document["paths"].items()
        for method in operations
    }
    assert documented == {(route.method, route.template) for route in routes}
    assert document["swagger"] == "2.0"


async def test_every_operation_tells_its_scopes_and_refusals(
    document: dict[str, Any], routes: list[Route]
) -> None:
    for route in routes:
        operation = document["paths"][route.template][route.method.lower()]
        asked = {scope for item in operation["security"] for scope in item["auth0"]}
        assert asked == {str(scope) for scope in route.access.scopes}
        assert operation["summary"]
        assert {"401", "403", "422", "429", "500", "503"} <= operation["responses"].keys()
        assert "404" in operation["responses"] or "{" not in route.template
        for status, answer in operation["responses"].items():
            problem = answer.get("schema", {}).get("$ref") == "#/definitions/ProblemAnswer"
            assert problem == (int(status) >= 400), (str(route), status)


def texts_at(name: str, node: Any) -> set[str]:
    """What stands under this name, wherever it does."""
    if isinstance(node, dict):
        own = {node[name]} if isinstance(node.get(name), str) else set()
        return own.union(*(texts_at(name, value) for value in node.values()))
    if isinstance(node, list):
        return set().union(*(texts_at(name, value) for value in node))
    return set()


async def test_patterns_are_those_of_json_schema(document: dict[str, Any]) -> None:
    for pattern in texts_at("pattern", document):
        assert re.fullmatch(r"\^[^\\]+\$", pattern), pattern


async def test_every_reference_leads_somewhere_and_every_scope_exists(
    document: dict[str, Any],
) -> None:
    definitions = {f"#/definitions/{name}" for name in document["definitions"]}
    assert texts_at("$ref", document) <= definitions
    assert set(document["securityDefinitions"]["auth0"]["scopes"]) <= set(Scope)


async def test_a_problem_may_have_members_of_its_own(document: dict[str, Any]) -> None:
    assert document["definitions"]["ProblemAnswer"]["additionalProperties"] is True


async def test_bodies_are_required_except_those_that_may_be_left_out(
    document: dict[str, Any],
) -> None:
    bodies = {
        (path, parameter["required"])
        for path, operations in document["paths"].items()
        for operation in operations.values()
        for parameter in operation["parameters"]
        if parameter["in"] == "body"
    }
    assert bodies
    optional = {path for path, required in bodies if not required}
    assert optional <= {"/v1/timesheets/{week}/submit", "/v1/timesheets/{week}/withdraw"}


async def test_swagger_ui_is_served_from_its_own_files(guarded: Guarded) -> None:
    anybody, base = guarded.service.bearer(None), f"/v1/{guarded.name}/docs"
    page = await anybody.get(base)
    assert page.status == 200
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    text = page.body.decode()
    assert "http" not in text.replace("<!doctype html>", "")
    for name in ("swagger-ui.css", "swagger-ui-bundle.js", "start.js"):
        assert f"{base}/static/{name}" in text
        assert (await anybody.get(f"{base}/static/{name}")).status == 200
