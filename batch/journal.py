"""Uploads whose response was not received, so that they are resumed and not repeated."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True)
class Journal:
    """A file for each upload in progress, named after its content, with its idempotency key.

    If the directory is not writable, such as in a container without a volume, an upload that is
    killed between the service's commit and its response is sent again under another key. The
    result is a second batch in which every row is unchanged.
    """

    directory: Path

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """The journal in BATCH_STATE_DIR, or else in XDG_STATE_HOME."""
        given = environ.get("BATCH_STATE_DIR", "").strip()
        if given:
            return cls(Path(given))
        state = environ.get("XDG_STATE_HOME", "").strip()
        base = Path(state) if state else Path(os.path.expanduser("~/.local/state"))  # noqa: PTH111 - Path.home() raises where there is no home
        return cls(base / "exampleco-batch")

    def pending_key(self, upload: str) -> str | None:
        """The key under which the upload was started."""
        try:
            return (self.directory / upload).read_text("ascii").strip() or None
        except (OSError, ValueError):
            return None

    def begin(self, upload: str, key: str) -> None:
        """Remember the Idempotency-Key of an upload until it has ended."""
        try:
            self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            partial = self.directory / f"{upload}.{os.getpid()}"
            partial.write_text(key, "ascii")
            partial.replace(self.directory / upload)
        except OSError:
            return

    def end(self, upload: str) -> None:
        """Forget an upload that has ended."""
        try:
            (self.directory / upload).unlink(missing_ok=True)
        except OSError:
            return
