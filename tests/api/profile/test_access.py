"""What each route asks for, and that the API page says so."""

from __future__ import annotations

from libs.auth import access_of
from services.profile.api import all_routes
from tests.support.client import Service


async def test_a_route_asks_for_the_scope_that_the_design_names() -> None:
    asked = {}
    for route in all_routes():
        access = access_of(route.handler)
        assert access is not None
        assert not access.public
        asked[f"{route.method} {route.path}"] = {str(scope) for scope in access.scopes}
    assert asked == {
        "GET /v1/profile": set(),
        "PATCH /v1/profile": set(),
        "PUT /v1/profile/delegate": {"approve:timesheets"},
        "DELETE /v1/profile/delegate": {"approve:timesheets"},
        "GET /v1/people": {"read:people"},
        "GET /v1/people/{sub}": {"read:people"},
        "PUT /v1/people/{sub}": {"manage:people"},
    }


async def test_every_route_is_on_the_api_page_with_what_it_answers(profile: Service) -> None:
    document = (await profile.bearer(None).get("/v1/profile/openapi.json")).json
    for route in all_routes():
        operation = document["paths"][route.path][route.method.lower()]
        assert operation["summary"]
        for status in ("401", "403", "422", "429", "500", "503"):
            problem = operation["responses"][status]["schema"]["$ref"]
            assert problem == "#/definitions/ProblemAnswer", (route.path, status)
        answers = {int(status) for status in operation["responses"]}
        assert any(status < 300 for status in answers)
        assert (412 in answers) == (route.method != "GET"), route.path
    names = {item["name"] for item in document["paths"]["/v1/people"]["get"]["parameters"]}
    assert names == {"q", "manager", "kind", "active", "limit", "cursor"}
    days = document["definitions"]["Delegation"]["properties"]
    assert set(days) == {"person", "from", "to"}
