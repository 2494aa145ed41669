"""The real widgets, driven without a display."""

from __future__ import annotations

import ctypes.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
# Kivy lives in the app's own environment, which `make test` makes beside this one.
APP_PYTHON = ROOT / ".appvenv" / "bin" / "python"
PYTHON = str(APP_PYTHON) if APP_PYTHON.exists() else sys.executable
LIBRARIES = {"GL": "libgl1", "EGL": "libegl1"}


def _missing() -> str:
    """What keeps the screens from being drawn here, and what helps."""
    look = "import importlib.util; raise SystemExit(importlib.util.find_spec('kivymd') is None)"
    if subprocess.run([PYTHON, "-c", look], check=False).returncode:
        return "Kivy is not installed: make .appvenv/ready (Kivy has no wheels for Python 3.14)"
    lacking = [package for name, package in LIBRARIES.items() if not ctypes.util.find_library(name)]
    return f"on Debian: apt-get install {' '.join(lacking)}" if lacking else ""


# A window without a display keeps the size it is made with.
START = """
import runpy
from kivy.config import Config
Config.set("graphics", "width", "412")
Config.set("graphics", "height", "915")
runpy.run_module("tests.mobile.drive", run_name="__main__")
"""
pytestmark = [
    pytest.mark.timeout(300),  # graphics by software, on whatever else the machine is busy with
    pytest.mark.xdist_group("mobile_screens"),
]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    if missing := _missing():
        pytest.skip(missing)
    environment = {
        "SDL_VIDEODRIVER": "offscreen",
        "KIVY_NO_ARGS": "1",
        "KIVY_NO_CONFIG": "1",
        "KIVY_LOG_MODE": "PYTHON",
        "KIVY_METRICS_DENSITY": "1",
        "KIVY_DPI": "160",
        "KIVY_HOME": str(tmp_path_factory.mktemp("kivy")),
    }
    done = subprocess.run(
        [PYTHON, "-c", START],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_two_taps_and_save_log_an_entry(seen: dict[str, Any]) -> None:
    assert seen["entry"]["added"] == 1
    assert seen["entry"]["cards"] == 3


def test_whatever_can_be_tapped_is_as_large_as_a_thumb(seen: dict[str, Any]) -> None:
    assert seen["window"] == [412, 915]
    assert seen["small"] == []
    assert seen["entry"]["small"] == []


def test_the_week_is_there_at_once_with_2000_entries_in_store(seen: dict[str, Any]) -> None:
    assert seen["start_seconds"] < 2.0


def test_no_tap_waits_for_a_network_that_hangs(seen: dict[str, Any]) -> None:
    assert seen["hanging"]["asked"] >= 1
    assert seen["hanging"]["added"] == 1
    assert seen["hanging"]["slowest_ms"] < 1000


def test_the_longest_list_scrolls_smoothly(seen: dict[str, Any]) -> None:
    # 33 on two cores that have nothing else to do (docs/mobile.md); here other tests run beside.
    assert seen["frame_p99_ms"] < 100


def test_approvals_vanish_with_the_scope(seen: dict[str, Any]) -> None:
    assert seen["tabs"] == ["week", "timer", "approvals", "profile"]
    assert seen["tabs_without_scope"] == ["week", "timer", "profile"]
    assert seen["tab_after"] == "week"
