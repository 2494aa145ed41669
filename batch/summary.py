"""The result of an upload, for people and for programs."""

from dataclasses import dataclass
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from batch.conversion import RowCounts
from batch.errors import BatchError, ExitCode
from batch.failed_rows import FailedRows
from batch.options import Mode, OnError, Options
from batch.progress import plain_text
from batch.responses import BatchReport, RowOutcome, UploadResult
from batch.rows import Remark

MAX_SHOWN = 20

_CODE_HINTS = {
    "changed_by_person": (
        "changed_by_person: the person changed or deleted the entry after the last upload, and "
        "this file changes it too. The person's version was kept. Agree on one of them; the "
        "person can enter it in the app."
    ),
    "other_person": (
        "other_person: this external_id already belongs to an entry of another person. Use ids "
        "that are unique across all people, not numbers that start again for each person."
    ),
    "submitted": "submitted: the week is waiting for approval. Ask the person to withdraw it.",
    "approved": "approved: the week is approved. Ask its approver to reopen it.",
}


@dataclass(frozen=True, slots=True)
class Summary:
    """`result` is None if nothing was sent. `removed` has the first of the removed entries."""

    options: Options
    counts: RowCounts
    sent: int
    result: UploadResult | None
    failed_rows: FailedRows
    removed: tuple[RowOutcome, ...]
    notes: tuple[str, ...]
    seconds: float

    @property
    def report(self) -> BatchReport | None:
        """The service's report, if anything was sent."""
        return None if self.result is None else self.result.report

    @property
    def failed(self) -> int:
        """Rows that are invalid or were rejected."""
        return self.counts.invalid + (0 if self.report is None else self.report.failed)

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the command."""
        return ExitCode.ROWS_FAILED if self.failed else ExitCode.OK

    @property
    def message(self) -> str:
        """The state of things in one sentence."""
        mode, options = self.options.mode, self.options
        if mode is Mode.CHECK:
            return "Checked. Nothing was sent."
        if mode is Mode.DRY_RUN:
            return "Dry run. Nothing was saved."
        if self.failed and options.on_error is OnError.FAIL:
            return (
                "Nothing was saved: one failed row rejects the whole file, "
                "unless --on-error skip is used."
            )
        if self.counts.invalid and options.complete is not None:
            return "Nothing was saved: --complete needs a file without invalid rows."
        if self.result is None:
            return "There was nothing to upload."
        if self.failed:
            return "Uploaded, except for the rows that failed."
        return "Uploaded."

    def as_json(self) -> dict[str, Any]:
        """The summary for scripts (`--json`)."""
        counts = self.counts
        return {
            "exit_code": int(self.exit_code),
            "message": self.message,
            "file": self.options.path.name,
            "format": self.options.file_format,
            "mode": str(self.options.mode),
            "on_error": str(self.options.on_error),
            "complete": str(self.options.complete) if self.options.complete else None,
            "rows": {
                "read": counts.read,
                "ready": counts.ready,
                "sent": self.sent,
                "skipped": counts.skipped,
                "invalid": counts.invalid,
                **{str(remark): counts.remarks[remark] for remark in Remark},
            },
            "batch": self._batch_as_json(),
            "failed": self.failed,
            "removed": [msgspec.to_builtins(row) for row in self.removed],
            "errors": [
                {
                    "line": row.line,
                    "field": row.field,
                    "code": row.code,
                    "message": row.message,
                    "by": row.by,
                }
                for row in self.failed_rows.kept
            ],
            "skipped": [{"line": it.line, "reason": it.reason} for it in counts.first_skipped],
            "notes": [*self.notes, *self._hints()],
            "seconds": round(self.seconds, 3),
        }

    def _batch_as_json(self) -> dict[str, Any] | None:
        if self.result is None:
            return None
        report = self.result.report
        return {
            "id": report.id,
            "created": report.created,
            "updated": report.updated,
            "unchanged": report.unchanged,
            "removed": report.removed,
            "failed": report.failed,
            "errors": report.errors,
            "replayed": self.result.was_replayed,
            "attempts": self.result.attempts,
        }

    def show(self, console: Console) -> None:
        """Print the summary for people."""
        lines = [f"{self.options.path.name}: {self.message}", self._rows()]
        if self.report is not None:
            lines += self._batch(self.report)
        for line in (*lines, *self._skipped(), *self.notes, *self._hints()):
            console.print(plain_text(line), soft_wrap=True)
        if self.failed_rows.kept:
            console.print(self._table())

    def _rows(self) -> str:
        counts = self.counts
        return (
            f"Rows: {counts.read:,} read, {counts.skipped:,} skipped, "
            f"{counts.invalid:,} invalid, {counts.ready:,} ready, {self.sent:,} sent."
        )

    def _batch(self, report: BatchReport) -> list[str]:
        is_dry_run = self.options.mode is Mode.DRY_RUN
        title = "Would be" if is_dry_run else f"Batch {report.id}:"
        lines = [
            f"{title} {report.created:,} created, {report.updated:,} updated, "
            f"{report.removed:,} removed, {report.unchanged:,} unchanged, "
            f"{report.failed:,} failed."
        ]
        if report.removed:
            verb = "Would be removed" if is_dry_run else "Removed"
            lines.append(f"{verb}: {self._removed(report)}")
        return lines

    def _removed(self, report: BatchReport) -> str:
        days = self.options.complete
        reason = f"in {days}, not in this file or " if days is not None else ""
        entries = "1 entry" if report.removed == 1 else f"{report.removed:,} entries"
        more = "\n  ..." if report.removed > len(self.removed) else ""
        listed = "".join(f"\n  {row}" for row in self.removed)
        return f"{entries} of earlier uploads, {reason}deleted by it.{listed}{more}"

    def _skipped(self) -> list[str]:
        lines: dict[str, list[str]] = {}
        for row in self.counts.first_skipped:
            lines.setdefault(row.reason, []).append(str(row.line))
        texts = []
        for reason, count in self.counts.skip_reasons.items():
            first = ", ".join(lines.get(reason, [])[:MAX_SHOWN])
            more = ", ..." if count > MAX_SHOWN else ""
            texts.append(f"Skipped, line {first}{more}: {reason}")
        return texts

    def _hints(self) -> list[str]:
        fields = {row.field for row in self.failed_rows.kept if row.by == "service"}
        hints = [hint for code, hint in _CODE_HINTS.items() if code in self.failed_rows.codes]
        if "project" in fields and self.options.projects is None:
            hints.append("--project-map translates project names into codes.")
        if "person" in fields and self.options.people is None:
            hints.append("--people translates names into e-mail addresses.")
        return hints

    def _table(self) -> Table:
        table = Table(title="Failed rows", title_justify="left")
        table.add_column("Line", justify="right")
        table.add_column("Field")
        table.add_column("Reason", overflow="fold")
        for row in self.failed_rows.kept[:MAX_SHOWN]:
            table.add_row(str(row.line or "-"), plain_text(row.field), plain_text(row.message))
        if self.failed_rows.count > MAX_SHOWN or self.failed > self.failed_rows.rows:
            where = self.options.errors or "--errors FILE"
            table.caption = f"More rows failed; {where} has all of them."
        return table


def failure_as_json(error: BatchError) -> dict[str, Any]:
    """The summary of an upload that failed as a whole."""
    return {"exit_code": int(error.exit_code), "message": str(error), "batch": None}
