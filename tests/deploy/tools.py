"""Programs that a check needs and that nobody need have."""

from __future__ import annotations

import shutil

import pytest


def tool(name: str, package: str) -> str:
    """The path of the program. Skips the test if it is missing."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not here ({package})")
    return found
