"""Schemathesis asks every operation of the three documents for anything, as each role."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import uuid
from asyncio import subprocess
from pathlib import Path

import pytest

from tests.support.client import ADMINISTRATOR, MANAGER
from tests.support.fleet import NAMES, Fleet
from tests.support.issuer import PERSON

EXAMPLES = os.environ.get("SCHEMATHESIS_EXAMPLES", "200")
CONFIG = Path(__file__).with_name("schemathesis.toml")
HEAD_CHECKS = Path(__file__).with_name("head_checks.py")
# Everything but batch:upload.
EVERYTHING = f"{ADMINISTRATOR} read:audit read:events"
AUDITOR = "read:audit read:reports read:people"
MACHINE = "batch:upload read:reports read:events"
ROLES = {
    "employee": ("erin", PERSON),
    "manager": ("maya", MANAGER),
    "administrator": ("ada", EVERYTHING),
    "auditor": ("olga", AUDITOR),
    "machine": ("agency", MACHINE),
}
MONDAYS = ("2026-01-05", "2026-01-12", "2026-01-19", "2026-01-26")

pytestmark = [pytest.mark.endurance, pytest.mark.timeout(3600)]


@pytest.fixture
async def ids(fleet: Fleet) -> list[str]:
    """Entries and submissions of somebody whom the manager decides, so that there is something
    to ask for."""
    directory = fleet.administrator("profile")
    for name, manager in (("maya", None), ("erin", "auth0|maya")):
        fields = {"name": name, "email": f"{name}@exampleco.com", "manager": manager}
        reply = await directory.put(f"/v1/people/auth0%7C{name}", fields)
        assert reply.status in (200, 201), reply.json
    person = fleet.caller("entries", "erin")
    made = [str(uuid.uuid4()) for _ in MONDAYS]
    for entry, day in zip(made, MONDAYS, strict=True):
        body = {"date": day, "project": "APOLLO", "minutes": 60}
        assert (await person.put(f"/v1/entries/{entry}", body)).status == 201
    for week in ("2026-W02", "2026-W03", "2026-W04"):
        submitted = await person.post(f"/v1/timesheets/{week}/submit")
        made.append(submitted.json["submission_id"])
    await fleet.drained()
    return made


def token(fleet: Fleet, role: str) -> str:
    name, scope = ROLES[role]
    if role == "machine":
        return fleet.issuer.machine_token(name, scope)
    return fleet.issuer.token(sub=f"auth0|{name}", scope=scope)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("service", NAMES)
async def test_no_request_is_answered_with_500_and_every_answer_is_as_documented(
    fleet: Fleet, ids: list[str], tmp_path: Path, service: str, role: str
) -> None:
    known = f"\n[dictionaries.ids]\nvalues = {json.dumps(ids)}\n"
    (tmp_path / "schemathesis.toml").write_text(CONFIG.read_text() + known)
    shutil.copy(HEAD_CHECKS, tmp_path)
    url = fleet.url(service)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli"),
        *("--config-file", str(tmp_path / "schemathesis.toml"), "--no-color"),
        *("run", f"{url}/v1/{service}/openapi.json", "--url", url, "--max-examples", EXAMPLES),
        *("--header", f"Authorization: Bearer {token(fleet, role)}"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=tmp_path,
        # The repository is not its folder, and nothing of it is to be imported.
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "SCHEMATHESIS_HOOKS": HEAD_CHECKS.stem,
        },
    )
    said = (await process.communicate())[0].decode()
    print(said)
    assert process.returncode == 0, said
