"""What came of it, for people and for programs."""

from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from batch.answers import Report, Uploaded
from batch.conversion import Tally
from batch.options import Mode, OnError, Options
from batch.outcome import BatchError, Exit
from batch.progress import plain
from batch.refusals import Refusals

SHOWN = 20


@dataclass(frozen=True, slots=True)
class Summary:
    """`uploaded` is None where nothing was sent."""

    options: Options
    tally: Tally
    sent: int
    uploaded: Uploaded | None
    refusals: Refusals
    notes: tuple[str, ...]
    seconds: float

    @property
    def report(self) -> Report | None:
        return None if self.uploaded is None else self.uploaded.report

    @property
    def failed(self) -> int:
        """Rows, whoever refused them."""
        return self.tally.unreadable + (0 if self.report is None else self.report.failed)

    @property
    def exit(self) -> Exit:
        return Exit.ROWS_FAILED if self.failed else Exit.GOOD

    @property
    def verdict(self) -> str:
        """In a sentence, what stands now."""
        mode = self.options.mode
        if mode is Mode.CHECK:
            return "Checked; nothing was sent."
        if mode is Mode.DRY_RUN:
            return "A dry run; nothing was saved."
        if self.failed and self.options.on_error is OnError.FAIL:
            return "Nothing was saved: a batch is all or nothing unless --on-error skip is given."
        if self.uploaded is None:
            return "There was nothing to upload."
        if self.failed:
            return "Uploaded, but for the rows that failed."
        return "Uploaded."

    def as_json(self) -> dict[str, Any]:
        tally, report, uploaded = self.tally, self.report, self.uploaded
        return {
            "exit_code": int(self.exit),
            "message": self.verdict,
            "file": self.options.path.name,
            "format": self.options.form,
            "mode": str(self.options.mode),
            "on_error": str(self.options.on_error),
            "rows": {
                "read": tally.read,
                "ready": tally.ready,
                "sent": self.sent,
                "left_out": tally.left_out,
                "unreadable": tally.unreadable,
                "rounded": tally.rounded,
                "over_midnight": tally.over_midnight,
            },
            "batch": None
            if report is None or uploaded is None
            else {
                "id": report.id,
                "created": report.created,
                "updated": report.updated,
                "unchanged": report.unchanged,
                "failed": report.failed,
                "errors": report.errors,
                "replayed": uploaded.was_replayed,
                "attempts": uploaded.attempts,
            },
            "failed": self.failed,
            "errors": [
                {"line": it.line, "field": it.field, "message": it.message, "by": it.by}
                for it in self.refusals.kept
            ],
            "left_out": [{"line": it.line, "reason": it.reason} for it in tally.first_left_out],
            "notes": list(self.notes),
            "seconds": round(self.seconds, 3),
        }

    def show(self, console: Console) -> None:
        console.print(plain(f"{self.options.path.name}: {self.verdict}"), soft_wrap=True)
        console.print(plain(self._rows()), soft_wrap=True)
        if self.report is not None:
            console.print(plain(self._batch(self.report)), soft_wrap=True)
        for note in (*self._left_out(), *self.notes, *self._hints()):
            console.print(plain(note), soft_wrap=True)
        if self.refusals.kept:
            console.print(self._table())

    def _rows(self) -> str:
        tally = self.tally
        return (
            f"Rows: {tally.read:,} read, {tally.left_out:,} left out, "
            f"{tally.unreadable:,} unreadable, {tally.ready:,} ready, {self.sent:,} sent."
        )

    def _batch(self, report: Report) -> str:
        would = "would be " if self.options.mode is Mode.DRY_RUN else ""
        return (
            f"Batch {report.id}: {report.created:,} {would}created, {report.updated:,} updated, "
            f"{report.unchanged:,} unchanged, {report.failed:,} failed."
        )

    def _left_out(self) -> list[str]:
        lines: dict[str, list[str]] = {}
        for row in self.tally.first_left_out:
            lines.setdefault(row.reason, []).append(str(row.line))
        told = []
        for reason, count in self.tally.left_out_because.items():
            first = ", ".join(lines.get(reason, [])[:SHOWN])
            more = ", ..." if count > SHOWN else ""
            told.append(f"Left out, line {first}{more}: {reason}")
        return told

    def _hints(self) -> list[str]:
        fields = {refusal.field for refusal in self.refusals.kept if refusal.by == "service"}
        hints = []
        if "project" in fields and self.options.projects is None:
            hints.append("Names of projects are turned into codes by --project-map.")
        if "person" in fields and self.options.people is None:
            hints.append("Other names of people are turned into e-mail addresses by --people.")
        return hints

    def _table(self) -> Table:
        table = Table(title="Rows that failed", title_justify="left")
        table.add_column("Line", justify="right")
        table.add_column("Field")
        table.add_column("Reason", overflow="fold")
        for refusal in self.refusals.kept[:SHOWN]:
            table.add_row(str(refusal.line), plain(refusal.field), plain(refusal.message))
        if self.refusals.count > SHOWN or self.failed > self.refusals.rows:
            where = self.options.errors or "--errors FILE"
            table.caption = f"Not all are shown; {where} has them."
        return table


def failure_as_json(error: BatchError) -> dict[str, Any]:
    """The summary of what ended before a row was judged."""
    return {"exit_code": int(error.exit), "message": str(error), "batch": None}
