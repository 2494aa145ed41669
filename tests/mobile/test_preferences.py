"""Appearance and language of a device, kept in a small file."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

import pytest

from mobile.preferences import Preferences
from mobile.viewmodels.profile import Appearance


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "app" / "preferences.json"


def test_preferences_are_kept_for_the_next_start(path: Path) -> None:
    kept = Preferences(path, "en")
    kept.appearance, kept.language, kept.notifications = Appearance.DARK, "de", True

    found = Preferences(path, "en")

    assert (found.appearance, found.language, found.notifications) == (Appearance.DARK, "de", True)
    assert [each.name for each in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("written", [0, 1, 10])
def test_a_kill_while_they_are_written_leaves_the_old_ones(path: Path, written: int) -> None:
    Preferences(path, "en").language = "de"
    before = path.read_bytes()

    def killed(target: Path, text: str, *_arguments: object) -> None:
        target.write_bytes(text.encode()[:written])
        raise KeyboardInterrupt

    with patch.object(Path, "write_text", killed), pytest.raises(KeyboardInterrupt):
        Preferences(path, "en").appearance = Appearance.DARK

    assert path.read_bytes() == before
    assert Preferences(path, "en").language == "de"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"appearance": "sepia", "language": "tlh"}'])
def test_preferences_that_cannot_be_read_are_those_of_a_new_device(path: Path, text: str) -> None:
    path.parent.mkdir()
    path.write_text(text, "utf-8")

    found = Preferences(path, "de_AT")

    assert found.appearance is Appearance.SYSTEM
    assert not found.notifications
