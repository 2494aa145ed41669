"""Which build runs: the images set both variables (Dockerfile)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Build:
    """The release and the commit that this process was built from."""

    version: str
    """The release, for example 2.1.0."""
    revision: str
    """The commit it was built from."""

    @classmethod
    def read(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """`unknown` where the process was not started from an image."""
        return cls(
            environ.get("TIMESHEETS_VERSION") or "unknown",
            environ.get("TIMESHEETS_REVISION") or "unknown",
        )
