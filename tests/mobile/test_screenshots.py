"""The pictures in the documentation."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.mobile.offscreen import PYTHON, ROOT, what_is_missing

PICTURES = ROOT / "docs" / "images"


@pytest.mark.endurance
@pytest.mark.timeout(1500)
def test_drawing_twice_gives_the_same_files(tmp_path: Path) -> None:
    """Every picture of the app, by two runs with different seeds for hashes."""
    if missing := what_is_missing():
        pytest.skip(missing)
    one, other = (draw(tmp_path / seed, seed) for seed in ("1", "2"))

    assert one.keys() == {each.name for each in PICTURES.glob("*.png")}
    # The plainest one has a logo, a sentence and a button.
    assert min(len(content) for content in one.values()) > 10_000
    assert [name for name, content in one.items() if other[name] != content] == []


def draw(folder: Path, seed: str) -> dict[str, bytes]:
    """Each picture that `make screenshots` draws, by the name of its file."""
    environment = os.environ | {"KIVY_HOME": str(folder / "kivy"), "PYTHONHASHSEED": seed}
    folder.mkdir()
    subprocess.run(
        [PYTHON, "-m", "mobile.tools.screenshots", str(folder)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        check=True,
        timeout=700,
    )
    return {each.name: each.read_bytes() for each in folder.glob("*.png")}
