"""The size of modules."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("batch", "bench", "dev", "libs", "mobile", "portal", "services", "tests")
MAX_LINES = 400


def test_no_module_has_more_than_400_lines() -> None:
    modules = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    lines = {path.relative_to(ROOT): len(path.read_text("utf-8").splitlines()) for path in modules}

    assert {str(path): count for path, count in lines.items() if count > MAX_LINES} == {}
    assert len(lines) > 500
