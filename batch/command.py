"""`python -m batch upload FILE --format toggl`"""

import asyncio
import codecs
import json
import os
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import click
import msgspec
from rich.console import Console

from batch.connection import connect
from batch.dates import DateOrder, DateRange
from batch.errors import BatchError, ExitCode, InvalidInput
from batch.formats import FORMATS
from batch.job import Job
from batch.journal import Journal
from batch.options import Mode, OnError, Options
from batch.progress import Reporter, plain_text
from batch.responses import Undone
from batch.retries import Retries
from batch.settings import Settings
from batch.summary import Summary, failure_as_json

COLUMNS = "columns"
HELP = """Upload the hours in FILE as one batch.

FILE is CSV or an Excel workbook (.xlsx): our own columns, the detailed report of Clockify,
Harvest or Toggl Track, or any table that --columns describes. JSON lines and gzip work too.

\b
Environment variables (secrets do not belong on a command line):
  TIMESHEETS_URL     address of the service, https://timesheets.example.com
  M2M_TOKEN_URL      token endpoint of the issuer, https://tenant.auth0.com/oauth/token
  M2M_CLIENT_ID      client id
  M2M_CLIENT_SECRET  client secret
  AUTH_AUDIENCE      audience of the API; optional
  BATCH_STATE_DIR    directory that remembers interrupted uploads; optional
  BATCH_ALLOW_HTTP   yes: allow addresses without TLS

\b
Exit codes:
  0  every row was accepted
  1  some rows are invalid or were rejected
  2  an option, a setting or the file is invalid; nothing was sent
  3  the service or the token endpoint could not be reached, or denied access
  4  the service rejected the upload as a whole

To resume an interrupted upload, run the same command again.
"""
RETRY_FOR = click.option(
    "--retry-for",
    type=click.IntRange(0, 24 * 3600),
    default=15 * 60,
    show_default=True,
    help="Seconds to retry while the service is unavailable.",
)
PATHS = click.Path(exists=True, dir_okay=False, path_type=Path)


def _parse_encoding(_context: click.Context, _option: click.Parameter, value: str | None) -> str:
    try:
        return codecs.lookup(value).name if value else ""
    except LookupError:
        raise click.BadParameter(f"there is no encoding {value}") from None


def _parse_range(
    _context: click.Context, _option: click.Parameter, value: str | None
) -> DateRange | None:
    try:
        return DateRange.parse(value) if value else None
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def main() -> None:
    """Upload hours to ExampleCo Timesheets, and undo uploads."""


@main.command(help=HELP)
@click.argument("path", type=PATHS, metavar="FILE")
@click.option("--format", "file_format", type=click.Choice([*FORMATS, COLUMNS]))
@click.option("--columns", type=PATHS, help="A table column,field: what each column contains.")
@click.option(
    "--complete",
    metavar="FROM..TO",
    callback=_parse_range,
    help="FILE has all hours of its people on these days: remove entries of earlier uploads "
    "that are not in it. Combine with --dry-run to see the effect first.",
)
@click.option(
    "--also",
    multiple=True,
    metavar="PERSON",
    help="--complete covers PERSON too, even without a row in FILE. Can be repeated.",
)
@click.option("--people", type=PATHS, help="A table name,person: who is meant by a name.")
@click.option("--project-map", "projects", type=PATHS, help="A table project,code.")
@click.option(
    "--date-order",
    type=click.Choice([str(order) for order in DateOrder]),
    help="What 03/04/2026 means. Otherwise the file must tell.",
)
@click.option("--encoding", callback=_parse_encoding, help="Encoding of FILE. Default: detected.")
@click.option("--with-breaks", is_flag=True, help="Upload breaks and time off as work.")
@click.option(
    "--on-error",
    type=click.Choice([str(choice) for choice in OnError]),
    default=str(OnError.FAIL),
    show_default=True,
    help="fail: all rows or none; skip: upload the valid ones.",
)
@click.option("--dry-run", is_flag=True, help="Let the service report what would happen.")
@click.option("--check", is_flag=True, help="Only read the file; send nothing.")
@click.option(
    "--errors",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the failed rows to this CSV file.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@RETRY_FOR
def upload(
    *,
    file_format: str | None,
    on_error: str,
    date_order: str | None,
    dry_run: bool,
    check: bool,
    as_json: bool,
    **others: Any,
) -> None:
    """Upload a file of hours, or with --check or --dry-run say what would happen."""
    if check and dry_run:
        raise click.UsageError("--check and --dry-run exclude each other.")
    if others["also"] and others["complete"] is None:
        raise click.UsageError("--also needs --complete.")
    options = Options(
        file_format=_chosen_format(file_format, others["columns"]),
        mode=Mode.CHECK if check else Mode.DRY_RUN if dry_run else Mode.UPLOAD,
        on_error=OnError(on_error),
        date_order=DateOrder(date_order) if date_order else None,
        **others,
    )
    sys.exit(run(options, as_json=as_json))


@main.command()
@click.argument("batch_id", type=click.UUID, metavar="BATCH")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@RETRY_FOR
def undo(*, batch_id: UUID, as_json: bool, retry_for: int) -> None:
    """Undo BATCH, whose id is in the summary of its upload.

    Entries that it created are removed, those that it changed or removed are restored. Entries
    that are locked or were changed since are kept; then the exit code is 1. The environment
    variables are those of upload.
    """
    console = Console(stderr=True, highlight=False)
    try:
        undone = asyncio.run(_undo(batch_id, Reporter(console), Retries(retry_for=retry_for)))
    except BatchError as error:
        _show_failure(error, console, as_json=as_json)
        sys.exit(error.exit_code)
    if as_json:
        _print_json(msgspec.to_builtins(undone))
    else:
        click.echo(
            f"Undone: {undone.removed:,} entries removed, {undone.restored:,} restored. "
            f"{undone.kept:,} kept, because they are locked or were changed since."
        )
    sys.exit(ExitCode.ROWS_FAILED if undone.kept else ExitCode.OK)


async def _undo(batch_id: UUID, reporter: Reporter, retries: Retries) -> Undone:
    async with connect(Settings.read(os.environ), retries, reporter.report) as uploader:
        return await uploader.undo(str(batch_id))


def _chosen_format(file_format: str | None, columns: Path | None) -> str:
    """--columns implies its format."""
    chosen = file_format or (COLUMNS if columns else None)
    if chosen is None:
        raise click.UsageError("--format or --columns is required.")
    if (chosen == COLUMNS) != (columns is not None):
        raise click.UsageError("--columns and --format columns belong together.")
    return chosen


def run(options: Options, *, as_json: bool) -> ExitCode:
    """Upload and print the summary."""
    console = Console(stderr=True, highlight=False)
    try:
        summary = asyncio.run(_upload(options, Reporter(console)))
    except BatchError as error:
        _show_failure(error, console, as_json=as_json)
        return error.exit_code
    except KeyboardInterrupt:
        console.print("Interrupted. Run the same command again to resume.")
        return ExitCode.INTERRUPTED
    if as_json:
        _print_json(summary.as_json())
    else:
        summary.show(Console(highlight=False))
    return summary.exit_code


async def _upload(options: Options, reporter: Reporter) -> Summary:
    settings = None if options.mode is Mode.CHECK else Settings.read(os.environ)
    retries = Retries(retry_for=options.retry_for)
    journal = Journal.from_environment(os.environ)
    return await Job(options, settings, journal, reporter, retries).run()


def _show_failure(error: BatchError, console: Console, *, as_json: bool) -> None:
    console.print(plain_text(str(error)), soft_wrap=True)
    if isinstance(error, InvalidInput):
        console.print("Nothing was sent.")
    if as_json:
        _print_json(failure_as_json(error))


def _print_json(document: object) -> None:
    click.echo(json.dumps(document, ensure_ascii=False))
