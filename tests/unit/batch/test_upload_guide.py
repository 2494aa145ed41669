"""The commands of docs/how-to/upload.md, in the order of the page."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.support.guide import blocks_of, run
from tests.support.issuer import Issuer
from tests.unit.batch.conftest import CLIENT, SECRET
from tests.unit.batch.service import BatchService

ROOT = Path(__file__).parents[3]


@pytest.mark.slow
async def test_the_commands_of_the_upload_guide_do_what_it_says(
    service: BatchService, tenant: Issuer, tmp_path: Path
) -> None:
    environ = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "TIMESHEETS_URL": service.url,
        "M2M_TOKEN_URL": tenant.token_url,
        "M2M_CLIENT_ID": CLIENT,
        "M2M_CLIENT_SECRET": SECRET,
        "AUTH_AUDIENCE": tenant.audience,
        "BATCH_STATE_DIR": str(tmp_path / "state"),
    }
    outputs = []
    for block in blocks_of("how-to/upload.md"):
        if block.file_name:
            (tmp_path / block.file_name).write_text(block.text, encoding="utf-8")
        if block.is_run:
            code, out, err = await run(block.text, tmp_path, environ)
            assert code == block.exit_code, (block.text, out, err)
            outputs.append(out)
    check, mapped, upload, complete, undo, columns = outputs
    assert "1 invalid" in check
    assert "3 ready" in mapped
    assert upload.count("3 created") == 2
    assert complete.count("1 created, 0 updated, 2 removed, 1 unchanged") == 2
    assert "Undone: 2 entries removed" in undo
    assert "1 created" in columns
    assert sum(entry["minutes"] for entry in service.entries.values()) == 120 + 60 + 90
