"""What was asked for on the command line."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from batch.dates import DateOrder


class Mode(StrEnum):
    UPLOAD = "upload"
    DRY_RUN = "dry_run"
    """The service says what would happen."""
    CHECK = "check"
    """The file is read and nothing is sent."""


class OnError(StrEnum):
    FAIL = "fail"
    """All rows or none, as the service does by default."""
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Options:
    """`patience` is in seconds."""

    path: Path
    form: str
    mode: Mode = Mode.UPLOAD
    on_error: OnError = OnError.FAIL
    people: Path | None = None
    projects: Path | None = None
    date_order: DateOrder | None = None
    encoding: str = "utf-8"
    errors: Path | None = None
    patience: float = 15 * 60

    @property
    def query(self) -> dict[str, str]:
        """What the service is asked beside the rows."""
        query = {} if self.on_error is OnError.FAIL else {"on_error": str(self.on_error)}
        return query | ({"dry_run": "true"} if self.mode is Mode.DRY_RUN else {})
