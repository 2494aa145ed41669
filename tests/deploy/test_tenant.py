"""The Auth0 tenant says what the code, the app and the stand-in for it say."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.sample_data import MACHINES, PERMISSIONS
from libs.auth import Scope
from mobile.core.rules import Scope as PersonalScope
from mobile.core.settings import LOOPBACK_REDIRECT, PRIVATE_REDIRECT
from tests.deploy.tools import tool
from tests.support.issuer import AUDIENCE, CLAIMS
from tests.support.services import SERVICES

HERE = Path(__file__).parent
FOLDER = HERE.parents[1] / "deploy/auth0"
TENANT = FOLDER / "tenant.yaml"
ACTION = FOLDER / "actions/timesheets-tokens.js"
APP = "Timesheets app"
MONTH = 30 * 86400
FOR_MACHINES = {Scope.BATCH_UPLOAD, Scope.READ_REPORTS, Scope.READ_EVENTS, Scope.READ_PEOPLE}
PLACEHOLDER = re.compile(r"##(\w+)##")

# Auth0's types for what each part of the file is sent as.
TYPES = {
    "resourceServers": ("CreateResourceServerRequestContent", None),
    "clients": ("CreateClientRequestContent", None),
    "clientGrants": ("CreateClientGrantRequestContent", None),
    "actions": ("CreateActionRequestContent", None),
    "connections": ("ConnectionOptionsAzureAd", "options"),
    "databases": ("ConnectionOptionsAuth0", "options"),
}


@pytest.fixture(scope="module")
def tenant() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(TENANT.read_text())
    return read


@pytest.fixture
def api(tenant: dict[str, Any]) -> dict[str, Any]:
    [only] = tenant["resourceServers"]
    return dict(only)


@pytest.fixture
def app(tenant: dict[str, Any]) -> dict[str, Any]:
    [only] = [client for client in tenant["clients"] if client["app_type"] == "native"]
    return dict(only)


def test_every_scope_of_the_code_is_in_the_tenant_and_the_reverse(api: dict[str, Any]) -> None:
    assert [scope["value"] for scope in api["scopes"]] == [scope.value for scope in Scope]
    assert all(scope["description"] for scope in api["scopes"])


def test_tokens_are_of_the_kind_that_the_verifier_takes(api: dict[str, Any]) -> None:
    assert api["identifier"] == AUDIENCE
    assert api["signing_alg"] == "RS256"
    assert (api["enforce_policies"], api["token_dialect"]) == (True, "access_token_authz")
    assert api["allow_offline_access"]
    assert api["token_lifetime"] <= 3600


def test_the_roles_are_those_of_the_stand_in(tenant: dict[str, Any]) -> None:
    roles = {
        role["name"]: {permission["permission_name"] for permission in role["permissions"]}
        for role in tenant["roles"]
    }
    assert roles == {role.value: set(permissions) for role, permissions in PERMISSIONS.items()}
    assert {
        permission["resource_server_identifier"]
        for role in tenant["roles"]
        for permission in role["permissions"]
    } == {AUDIENCE}


def test_every_client_is_granted_what_it_is_for_and_nothing_else(tenant: dict[str, Any]) -> None:
    granted = {grant["client_id"]: set(grant["scope"]) for grant in tenant["clientGrants"]}
    assert set(granted) == {client["name"] for client in tenant["clients"]}
    assert {grant["audience"] for grant in tenant["clientGrants"]} == {AUDIENCE}
    # Nobody holds batch:upload or follows a feed in person; the app asks for all the rest.
    assert granted.pop(APP) == {scope.value for scope in PersonalScope}
    for name in SERVICES:
        assert granted[f"Timesheets {name}"] == {Scope.READ_EVENTS}
    assert {frozenset(scopes) for scopes in granted.values()} >= {
        machine.permissions for machine in MACHINES
    }
    # Whoever joins as an uploader or a partner: no machine has what is for people.
    assert set().union(*granted.values()) <= FOR_MACHINES


def test_people_and_machines_cannot_use_each_others_grants(tenant: dict[str, Any]) -> None:
    for grant in tenant["clientGrants"]:
        assert grant["subject_type"] == ("user" if grant["client_id"] == APP else "client")
    [api] = tenant["resourceServers"]
    assert {kind: rule["policy"] for kind, rule in api["subject_type_authorization"].items()} == {
        "user": "require_client_grant",
        "client": "require_client_grant",
    }
    for client in tenant["clients"]:
        if client["name"] != APP:
            assert client["grant_types"] == ["client_credentials"]


def test_the_app_holds_no_secret_and_its_refresh_tokens_rotate(app: dict[str, Any]) -> None:
    assert app["token_endpoint_auth_method"] == "none"
    assert app["grant_types"] == ["authorization_code", "refresh_token"]
    refresh = app["refresh_token"]
    assert (refresh["rotation_type"], refresh["leeway"]) == ("rotating", 60)
    assert refresh["expiration_type"] == "expiring"
    assert refresh["idle_token_lifetime"] < refresh["token_lifetime"] <= MONTH
    assert LOOPBACK_REDIRECT.replace(":{port}", "") in app["callbacks"]
    assert PRIVATE_REDIRECT in app["callbacks"]


def test_employees_and_contractors_sign_in_each_their_way(tenant: dict[str, Any]) -> None:
    [employees], [contractors] = tenant["connections"], tenant["databases"]
    assert employees["strategy"] == "waad"
    assert contractors["options"]["disable_signup"]
    for connection in (employees, contractors):
        assert connection["enabled_clients"] == [APP]


def test_nothing_that_auth0_has_ended_is_used(tenant: dict[str, Any]) -> None:
    assert not {"rules", "rulesConfigs", "hooks"} & set(tenant)
    assert "extension" not in TENANT.read_text().lower()


def test_no_secret_is_in_the_file_and_the_runbook_names_each_that_is_needed() -> None:
    text = TENANT.read_text()
    secrets = re.findall(r"(?:secret|password): *(\S+)$", text, re.MULTILINE)
    assert secrets
    assert all(PLACEHOLDER.fullmatch(secret.strip('"')) for secret in secrets)
    runbook = (HERE.parents[1] / "docs/operations.md").read_text()
    assert [name for name in PLACEHOLDER.findall(text) if f"`{name}`" not in runbook] == []


def events() -> list[dict[str, Any]]:
    person = {"email": "erin@exampleco.com", "email_verified": True, "name": "Erin Employee"}
    ours = {"resource_server": {"identifier": AUDIENCE}, "user": person}
    asks = {"transaction": {"requested_scopes": ["openid", "approve:timesheets"]}}
    renews = {"protocol": "oauth2-refresh-token", "requested_scopes": ["approve:timesheets"]}
    return [
        {**ours, "transaction": {"requested_scopes": ["read:timesheets"]}},
        {**ours, **asks},
        {**ours, **asks, "authentication": {"methods": [{"name": "pwd"}, {"name": "mfa"}]}},
        {**ours, "transaction": renews},
        {**ours, "user": {**person, "email_verified": False}},
        {"user": person, **asks, "resource_server": {"identifier": "https://other.example"}},
    ]


@pytest.mark.deploy
def test_the_action_adds_the_claims_and_asks_approvers_for_a_second_factor() -> None:
    node = tool("node", "Node.js runs the tenant's action")
    done = subprocess.run(
        [node, HERE / "action.cjs", ACTION],
        input=json.dumps(events()),
        capture_output=True,
        text=True,
        check=True,
    )
    named, both = {f"{CLAIMS}name": "Erin Employee"}, {f"{CLAIMS}email": "erin@exampleco.com"}
    assert [(run["claims"], run["secondFactor"]) for run in json.loads(done.stdout)] == [
        (named | both, False),
        (named | both, "any"),
        (named | both, False),
        (named | both, False),
        (named, False),
        ({}, False),
    ]


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with auth0-deploy-cli and the TypeScript compiler, as they are locked."""
    npm = tool("npm", "it installs auth0-deploy-cli, which checks the tenant")
    folder = tmp_path_factory.mktemp("auth0")
    if (FOLDER / "node_modules").is_dir():
        (folder / "node_modules").symlink_to(FOLDER / "node_modules")
        return folder
    for name in ("package.json", "package-lock.json"):
        shutil.copy(FOLDER / name, folder)
    done = subprocess.run(
        [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        pytest.skip(f"npm could not install auth0-deploy-cli: {done.stderr.strip()[:200]}")
    return folder


@pytest.fixture(scope="module")
def assets(workshop: Path) -> dict[str, Any]:
    """The tenant as the tool reads it, having passed the tool's schema and its other checks."""
    values = dict.fromkeys(PLACEHOLDER.findall(TENANT.read_text()), "value")
    done = subprocess.run(
        ["node", HERE / "tenant.cjs", TENANT],
        cwd=workshop,
        env={"PATH": os.environ["PATH"], **values},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    read: dict[str, Any] = json.loads(done.stdout)
    return read


@pytest.mark.deploy
@pytest.mark.timeout(600)
def test_the_tool_takes_the_file_and_leaves_no_placeholder(assets: dict[str, Any]) -> None:
    assert not PLACEHOLDER.findall(json.dumps(assets))
    assert assets["actions"][0]["code"] == ACTION.read_text()


@pytest.mark.deploy
def test_every_field_is_one_that_auth0_knows(workshop: Path, assets: dict[str, Any]) -> None:
    """The tool's schema lets unknown fields pass; Auth0's own types do not."""
    lines = ['import type { Management } from "auth0";']
    for part, (kind, key) in TYPES.items():
        for number, item in enumerate(assets[part]):
            sent = {name: value for name, value in item.items() if name != "deployed"}
            literal = json.dumps(sent[key] if key else sent)
            lines.append(f"export const {part}{number}: Management.{kind} = {literal};")
    (workshop / "tenant.ts").write_text("\n".join(lines))
    compiler = ["node_modules/.bin/tsc", "--noEmit", "--strict", "--skipLibCheck"]
    target = ["--module", "nodenext", "--target", "es2022", "tenant.ts"]
    done = subprocess.run([*compiler, *target], cwd=workshop, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
