"""The API page: every route is on it, with its scopes and its errors."""

from __future__ import annotations

from typing import Any

import pytest

from libs.auth import Scope, access_of
from libs.feed.serving import feed_routes
from services.entries.api import all_routes
from tests.support.client import Service


ROUTES = [*all_routes(), *feed_routes("entries")]


@pytest.fixture
async def document(entries: Service) -> dict[str, Any]:
    reply = await entries.bearer(None).get("/v1/entries/openapi.json")
    assert reply.status == 200
    answer: dict[str, Any] = reply.json
    return answer


async def test_every_route_is_on_the_page(document: dict[str, Any]) -> None:
    documented = {
        (method.upper(), path)
        for path, operations in document["paths"].items()
        for method in operations
    }
    assert documented == {
        (route.method, route.path.replace(":[0-9a-fA-F-]{36}", "")) for route in ROUTES
    }
    assert document["swagger"] == "2.0"


async def test_every_operation_tells_its_scopes_and_refusals(document: dict[str, Any]) -> None:
    for route in ROUTES:
        path = route.path.replace(":[0-9a-fA-F-]{36}", "")
        operation = document["paths"][path][route.method.lower()]
        access = access_of(route.handler)
        assert access is not None
        asked = {scope for item in operation["security"] for scope in item["auth0"]}
        assert asked == {str(scope) for scope in access.scopes}
        assert operation["summary"]
        assert {"401", "403", "422", "429", "500", "503"} <= operation["responses"].keys()
        for status, answer in operation["responses"].items():
            problem = answer.get("schema", {}).get("$ref") == "#/definitions/ProblemAnswer"
            assert problem == (int(status) >= 400), (path, status)


async def test_every_reference_leads_somewhere_and_every_scope_exists(
    document: dict[str, Any],
) -> None:
    def references(node: Any) -> set[str]:
        if isinstance(node, dict):
            own = {node["$ref"]} if "$ref" in node else set()
            return own.union(*(references(value) for value in node.values()))
        if isinstance(node, list):
            return set().union(*(references(value) for value in node))
        return set()

    definitions = {f"#/definitions/{name}" for name in document["definitions"]}
    assert references(document) <= definitions
    assert set(document["securityDefinitions"]["auth0"]["scopes"]) <= set(Scope)


async def test_bodies_are_required(document: dict[str, Any]) -> None:
    [body] = [
        parameter
        for parameter in document["paths"]["/v1/entries"]["post"]["parameters"]
        if parameter["in"] == "body"
    ]
    assert body["required"] is True


async def test_swagger_ui_is_served_from_its_own_files(entries: Service) -> None:
    anybody = entries.bearer(None)
    page = await anybody.get("/v1/entries/docs")
    assert page.status == 200
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    text = page.body.decode()
    assert "http" not in text.replace("<!doctype html>", "")
    for name in ("swagger-ui.css", "swagger-ui-bundle.js", "start.js"):
        assert f"/v1/entries/docs/static/{name}" in text
        assert (await anybody.get(f"/v1/entries/docs/static/{name}")).status == 200
