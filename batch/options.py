"""Options of one upload."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from batch.dates import DateOrder, DateRange


class Mode(StrEnum):
    """The part of an upload that the command carries out."""

    UPLOAD = "upload"
    DRY_RUN = "dry_run"
    """The service reports what would happen."""
    CHECK = "check"
    """The file is read and nothing is sent."""


class OnError(StrEnum):
    """The effect of an invalid row on the others."""

    FAIL = "fail"
    """All rows or none, the service's default."""
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Options:
    """`encoding` is detected if empty. `retry_for` is in seconds. `also` are people whom a complete
    upload covers although they have no row."""

    path: Path
    file_format: str
    mode: Mode = Mode.UPLOAD
    on_error: OnError = OnError.FAIL
    complete: DateRange | None = None
    also: tuple[str, ...] = ()
    columns: Path | None = None
    people: Path | None = None
    projects: Path | None = None
    date_order: DateOrder | None = None
    encoding: str = ""
    with_breaks: bool = False
    errors: Path | None = None
    retry_for: float = 15 * 60

    @property
    def query(self) -> dict[str, str]:
        """The query of POST /v1/batches."""
        query = {} if self.on_error is OnError.FAIL else {"on_error": str(self.on_error)}
        if self.mode is Mode.DRY_RUN:
            query["dry_run"] = "true"
        if self.complete is not None:
            query["complete"] = str(self.complete)
        return query
