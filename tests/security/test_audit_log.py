"""The log says by which token a request came: client, id, and who acts for the subject."""

from __future__ import annotations

import json

import pytest

from tests.conftest import Guarded
from tests.support.client import ADMINISTRATOR

LISTS = {"entries": "/v1/projects", "approvals": "/v1/approvals", "profile": "/v1/people"}
CLAIMS = {"azp": "portal", "jti": "token-7", "act": {"sub": "auth0|support"}}


def access_line(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    lines = map(json.loads, capsys.readouterr().out.splitlines())
    [line] = [line for line in lines if line["event"] == "request"]
    found: dict[str, object] = line
    return found


async def test_the_access_log_names_the_client_the_token_and_who_acts(
    guarded: Guarded, capsys: pytest.CaptureFixture[str]
) -> None:
    token = guarded.service.token(sub="auth0|ada", scope=ADMINISTRATOR, **CLAIMS)
    capsys.readouterr()
    assert (await guarded.service.bearer(token).get(LISTS[guarded.name])).status == 200

    line = access_line(capsys)
    assert (line["caller"], line["azp"]) == ("auth0|ada", "portal")
    assert (line["jti"], line["act"]) == ("token-7", "auth0|support")
    assert token not in str(line)


async def test_claims_that_the_token_lacks_are_left_out(
    guarded: Guarded, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    await guarded.service.caller("erin").get("/v1/nothing")

    assert not {"jti", "act"} & access_line(capsys).keys()
