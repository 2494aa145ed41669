"""Clients that openapi-python-client generates from the documents of the running services."""

from __future__ import annotations

import importlib
import json
import subprocess
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from dev.sample_data import SERVICES
from tests.deploy.tools import tool
from tests.support.stack import Running, call, sign_in, started

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(300)]

METHODS = {"get", "put", "post", "delete", "patch"}
# docs/how-to/integrate.md shows the same. Of two kinds of files the generated code would name the
# second whatever is sent, so it is given one.
SETTINGS = {"content_type_overrides": {"application/x-ndjson": "application/octet-stream"}}
WARNINGS = {"Unsupported content type text/csv"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with started(tmp_path_factory.mktemp("clients")) as running:
        yield running


async def fetch_document(session: aiohttp.ClientSession, running: Running, name: str) -> Any:
    async with session.get(f"{running.addresses.gateway}/v1/{name}/openapi.json") as response:
        assert response.status == 200
        return await response.json()


def generate(document: object, folder: Path, name: str) -> tuple[Path, str]:
    """The package and what the tool printed."""
    (folder / "openapi.json").write_text(json.dumps(document))
    (folder / "config.json").write_text(json.dumps({**SETTINGS, "post_hooks": []}))
    program = tool("openapi-python-client", "requirements/deploy.txt")
    options = ["--path", "openapi.json", "--config", "config.json", "--meta", "none"]
    done = subprocess.run(
        [program, "generate", *options, "--output-path", name],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / name, done.stdout + done.stderr


def operation_names(document: Mapping[str, Any]) -> set[str]:
    return {
        operation["operationId"]
        for methods in document["paths"].values()
        for method, operation in methods.items()
        if method in METHODS
    }


@pytest.mark.parametrize("name", SERVICES)
async def test_every_operation_is_generated(stack: Running, name: str, tmp_path: Path) -> None:
    async with aiohttp.ClientSession() as session:
        document = await fetch_document(session, stack, name)

    package, printed = generate(document, tmp_path, f"client_{name}")

    modules = {path.stem for path in package.glob("api/*/*.py") if path.stem != "__init__"}
    assert modules == operation_names(document)
    assert {line for line in printed.splitlines() if line.startswith("Unsupported")} <= WARNINGS


async def test_a_generated_client_patches_one_field_and_leaves_the_others_alone(
    stack: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = datetime.now(UTC).date() - timedelta(weeks=20)  # before the weeks of the sample company
    async with aiohttp.ClientSession() as session:
        document = await fetch_document(session, stack, "entries")
        token = (await sign_in(session, stack.addresses.issuer, "erin"))["access_token"]
        generate(document, tmp_path, "generated_client")
        monkeypatch.syspath_prepend(tmp_path)
        client = part("client").AuthenticatedClient(
            base_url=stack.addresses.gateway, token=token, raise_on_unexpected_status=True
        )
        new = part("models").NewEntrySchema(
            date=day,
            project="BIG-WEB",
            minutes=75,
            task="Design",
            note="Sketches",
            billable=False,
        )

        async with client:
            created = await part("api.entries.create_entry").asyncio(client=client, body=new)
            assert created.minutes == 75
            changed = await part("api.entries.patch_entry").asyncio(
                id=str(created.id),
                client=client,
                body=part("models").PartialEntryPatchSchema(minutes=90),
            )
        entry = await call(
            session, token, "GET", f"{stack.addresses.gateway}/v1/entries/{created.id}"
        )

    before, after = created.to_dict(), changed.to_dict()
    assert {name for name in before if before[name] != after[name]} == {
        "minutes",
        "version",
        "updated_at",
    }
    kept = {name: entry[name] for name in ("date", "project", "minutes", "task", "note")}
    assert kept == {
        "date": str(day),
        "project": "BIG-WEB",
        "minutes": 90,
        "task": "Design",
        "note": "Sketches",
    }
    assert entry["billable"] is False


def part(name: str) -> Any:
    """A module of the generated package."""
    return importlib.import_module(f"generated_client.{name}")
