"""The Auth0 tenant says what the code, the app and the stand-in for it say."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from dev.sample_data import MACHINES, PERMISSIONS, SERVICES
from libs.auth import Scope
from libs.auth.challenges import SECOND_FACTOR_ACR
from mobile.core.rules import Scope as PersonalScope
from mobile.core.settings import (
    LOOPBACK_PORTS,
    LOOPBACK_REDIRECT,
    PRIVATE_REDIRECT,
    REQUESTED_SCOPES,
    AppSettings,
)
from tests.deploy.tools import tool
from tests.support.fleet import FOLLOWS
from tests.support.issuer import AUDIENCE, CLAIMS

HERE = Path(__file__).parent
FOLDER = HERE.parents[1] / "deploy/auth0"
TENANT = FOLDER / "tenant.yaml"
ACTIONS = [
    FOLDER / "actions/timesheets-tokens.js",
    FOLDER / "actions/timesheets-second-factor.js",
]
APP, PORTAL, DOCS = "Timesheets app", "Timesheets portal", "Timesheets API pages"
PEOPLES = {APP, PORTAL, DOCS}
MONTH = 30 * 86400
FOR_MACHINES = {Scope.BATCH_UPLOAD, Scope.READ_REPORTS, Scope.READ_EVENTS, Scope.READ_PEOPLE}
[RULE] = yaml.safe_load((FOLDER.parent / "k8s/base/ingress.yaml").read_text())["spec"]["rules"]
HOST = f"https://{RULE['host']}"
PLACEHOLDER = re.compile(r"##(\w+)##")


def moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


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
    # People may not upload batches or follow feeds; the app requests all other scopes.
    for client in PEOPLES:
        assert granted.pop(client) == {scope.value for scope in PersonalScope}
    for name in {follower for follower, _ in FOLLOWS}:
        assert granted[f"Timesheets {name}"] == {Scope.READ_EVENTS}
    assert {frozenset(scopes) for scopes in granted.values()} >= {
        machine.permissions for machine in MACHINES
    }
    # This includes future uploaders and partners: no machine has the scopes of people.
    assert set().union(*granted.values()) <= FOR_MACHINES


def test_people_and_machines_cannot_use_each_others_grants(tenant: dict[str, Any]) -> None:
    for grant in tenant["clientGrants"]:
        assert grant["subject_type"] == ("user" if grant["client_id"] in PEOPLES else "client")
    [api] = tenant["resourceServers"]
    assert {kind: rule["policy"] for kind, rule in api["subject_type_authorization"].items()} == {
        "user": "require_client_grant",
        "client": "require_client_grant",
    }
    for client in tenant["clients"]:
        if client["name"] not in PEOPLES:
            assert client["grant_types"] == ["client_credentials"]


def test_secrets_are_sent_as_the_code_sends_them(tenant: dict[str, Any]) -> None:
    """In the body, as services, portal and partners send them: Auth0 takes one way only."""
    for client in tenant["clients"]:
        expected = "none" if client["name"] in (APP, DOCS) else "client_secret_post"
        assert client["token_endpoint_auth_method"] == expected


def test_the_portal_comes_back_to_its_own_host(tenant: dict[str, Any]) -> None:
    [portal] = [client for client in tenant["clients"] if client["name"] == PORTAL]
    assert portal["callbacks"] == [f"{HOST}/auth/callback"]
    assert portal["allowed_logout_urls"] == [f"{HOST}/auth/signed-out"]
    assert portal["refresh_token"]["rotation_type"] == "rotating"


def test_the_api_pages_come_back_to_themselves(tenant: dict[str, Any]) -> None:
    [pages] = [client for client in tenant["clients"] if client["name"] == DOCS]
    redirect = "docs/static/oauth2-redirect.html"
    assert pages["callbacks"] == [f"{HOST}/v1/{name}/{redirect}" for name in SERVICES]
    assert pages["web_origins"] == [HOST]
    assert pages["grant_types"] == ["authorization_code"]


def test_one_host_is_everywhere(app: dict[str, Any]) -> None:
    """The host of the Ingress is the one that the app, the links into it and the tenant name."""
    assert AppSettings().api == HOST
    filters = (HERE.parents[1] / "mobile/data/intent-filters.xml").read_text()
    assert re.findall(r'scheme="https" android:host="(.+?)"', filters) == [urlsplit(HOST).hostname]
    web = [address for address in app["callbacks"] if address.startswith("https:")]
    assert web == [f"{HOST}/app/callback"]


def test_the_app_holds_no_secret_and_its_refresh_tokens_rotate(app: dict[str, Any]) -> None:
    assert app["token_endpoint_auth_method"] == "none"
    assert app["grant_types"] == ["authorization_code", "refresh_token"]
    refresh = app["refresh_token"]
    assert (refresh["rotation_type"], refresh["leeway"]) == ("rotating", 60)
    assert refresh["expiration_type"] == "expiring"
    assert refresh["idle_token_lifetime"] < refresh["token_lifetime"] <= MONTH
    for port in LOOPBACK_PORTS:
        assert LOOPBACK_REDIRECT.format(port=port) in app["callbacks"]
    assert app["skip_non_verifiable_callback_uri_confirmation_prompt"] is True
    assert PRIVATE_REDIRECT in app["callbacks"]


def test_employees_and_contractors_sign_in_each_their_way(tenant: dict[str, Any]) -> None:
    [employees], [contractors] = tenant["connections"], tenant["databases"]
    assert employees["strategy"] == "waad"
    assert contractors["options"]["disable_signup"]
    for connection in (employees, contractors):
        assert set(connection["enabled_clients"]) == PEOPLES


def test_nothing_that_auth0_has_ended_is_used(tenant: dict[str, Any]) -> None:
    assert not {"rules", "rulesConfigs", "hooks"} & set(tenant)
    assert "extension" not in TENANT.read_text().lower()


def test_no_secret_is_in_the_file_and_the_runbook_names_each_that_is_needed() -> None:
    text = TENANT.read_text()
    secrets = re.findall(r"(?:secret|password): *(\S+)$", text, re.MULTILINE)
    assert secrets
    assert all(PLACEHOLDER.fullmatch(secret.strip('"')) for secret in secrets)
    runbook = (HERE.parents[1] / "docs/how-to/operate.md").read_text()
    assert [name for name in PLACEHOLDER.findall(text) if f"`{name}`" not in runbook] == []


PERSON = {"email": "erin@exampleco.com", "email_verified": True, "name": "Erin Employee"}
NOW = time.time()
RECENT = {"methods": [{"name": "pwd"}, {"name": "mfa", "timestamp": moment(NOW - 3600)}]}
OLD = {"methods": [{"name": "mfa", "timestamp": moment(NOW - 13 * 3600)}]}


def signing_in(*scopes: str, **members: Any) -> dict[str, Any]:
    """The event of a sign-in that asks for these scopes."""
    return {
        "resource_server": {"identifier": AUDIENCE},
        "user": PERSON,
        "transaction": {"requested_scopes": list(scopes)},
        **members,
    }


def run_actions(*events: dict[str, Any]) -> list[dict[str, Any]]:
    node = tool("node", "Node.js runs the tenant's actions")
    done = subprocess.run(
        [node, HERE / "action.cjs", *ACTIONS],
        input=json.dumps(events),
        capture_output=True,
        text=True,
        check=True,
    )
    results: list[dict[str, Any]] = json.loads(done.stdout)
    return results


OWN = ("read:timesheets", "create:timesheets", "delete:timesheets")
REQUESTS: list[tuple[tuple[str, ...], bool]] = [
    ((), True),
    (("openid",), True),
    (("openid", "profile", "email", "offline_access"), True),
    (("openid", *OWN), False),
    (("read:timesheets",), False),
    (("openid", *OWN, "approve:timesheets"), True),
    (("approve:timesheets",), True),
    (("manage:timesheets", "manage:people", "read:reports", "read:people"), True),
    (("read:timesheets", "read:reports"), True),
    (("openid", "read:audit"), True),
    (("openid", "read:everything"), True),
    (tuple(REQUESTED_SCOPES.split()), True),
]


@pytest.mark.deploy
def test_a_second_factor_is_required_unless_all_scopes_are_for_own_data() -> None:
    results = run_actions(*(signing_in(*scopes) for scopes, _ in REQUESTS))
    second_factor = [result["secondFactor"] == "any" for result in results]
    assert list(zip([scopes for scopes, _ in REQUESTS], second_factor, strict=True)) == REQUESTS


@pytest.mark.deploy
def test_each_scope_that_is_not_the_persons_own_asks_for_a_second_factor() -> None:
    for scope, result in zip(Scope, run_actions(*map(signing_in, Scope)), strict=True):
        assert (result["secondFactor"] is None) == (scope in OWN), scope


@pytest.mark.deploy
def test_a_second_factor_is_required_again_when_it_is_too_old() -> None:
    step_up = {"requested_scopes": list(OWN), "acr_values": [SECOND_FACTOR_ACR]}
    enrolled = PERSON | {"enrolledFactors": [{"type": "recovery-code"}, {"type": "otp"}]}
    results = run_actions(
        signing_in(authentication=RECENT),
        signing_in(authentication=OLD),
        signing_in(authentication=RECENT, request={"query": {"max_age": "600"}}),
        signing_in(authentication=RECENT, request={"query": {"max_age": "7200"}}),
        signing_in(transaction=step_up),
        signing_in(transaction=step_up, authentication=RECENT),
        signing_in(user=enrolled),
    )
    factors = [result["secondFactor"] for result in results]
    assert factors == [None, "any", "any", None, "any", None, ["otp"]]


@pytest.mark.deploy
def test_the_token_says_when_the_second_factor_was_shown_also_after_a_renewal() -> None:
    claim, shown_at = f"{CLAIMS}mfa_at", int(NOW - 3600)
    renewal = {"protocol": "oauth2-refresh-token", "requested_scopes": []}
    signed_in, without, renewed, unknown = run_actions(
        signing_in(authentication=RECENT),
        signing_in(*OWN),
        signing_in(transaction=renewal, refresh_token={"metadata": {"mfa_at": str(shown_at)}}),
        signing_in(transaction=renewal),
    )
    assert (signed_in["claims"][claim], signed_in["kept"]) == (shown_at, {"mfa_at": str(shown_at)})
    assert renewed["claims"][claim] == shown_at
    assert claim not in without["claims"] | unknown["claims"]
    assert [renewed["secondFactor"], unknown["secondFactor"]] == [None, None]


@pytest.mark.deploy
def test_the_token_names_the_person_and_no_address_that_nobody_has_verified() -> None:
    other = {"identifier": "https://other.example"}
    verified, unverified, foreign = run_actions(
        signing_in(*OWN),
        signing_in(*OWN, user={**PERSON, "email_verified": False}),
        signing_in(authentication=RECENT, resource_server=other),
    )
    name, email = {f"{CLAIMS}name": "Erin Employee"}, {f"{CLAIMS}email": "erin@exampleco.com"}
    assert (verified["claims"], unverified["claims"]) == (name | email, name)
    assert (foreign["claims"], foreign["secondFactor"]) == ({}, None)


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
    assert [action["code"] for action in assets["actions"]] == [
        action.read_text() for action in ACTIONS
    ]


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
