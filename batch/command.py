"""`python -m batch upload FILE --format toggl`"""

import asyncio
import codecs
import json
import os
import sys
from pathlib import Path

import click
from rich.console import Console

from batch.dates import DateOrder
from batch.formats import FORMATS
from batch.job import Job
from batch.journal import Journal
from batch.options import Mode, OnError, Options
from batch.outcome import BatchError, Exit, Misuse
from batch.progress import Reporter, plain
from batch.retries import Retries
from batch.settings import Settings
from batch.summary import Summary, failure_as_json

HELP = """Upload hours from FILE as one batch.

FILE is our own CSV or JSON lines, or the detailed report of another time tracker, plain or gzip.

\b
From the environment, as secrets do not belong on a command line:
  TIMESHEETS_URL     where the service is, https://timesheets.example.com
  M2M_TOKEN_URL      the tenant's token endpoint, https://tenant.auth0.com/oauth/token
  M2M_CLIENT_ID      who uploads
  M2M_CLIENT_SECRET
  AUTH_AUDIENCE      the API's audience; there is a default
  BATCH_STATE_DIR    where uploads that broke off are remembered
  BATCH_ALLOW_HTTP   yes: addresses without TLS are meant

\b
Exit codes:
  0  every row was taken, or was there already
  1  rows could not be read or were refused
  2  an option, a setting or the file is wrong; nothing was sent
  3  the service or the token endpoint was not reached, or did not let us in
  4  the service refused the upload as a whole

An upload that broke off goes on as the same batch when the same command is run again.
"""
PATHS = click.Path(exists=True, dir_okay=False, path_type=Path)


def _check_encoding(_context: click.Context, _option: click.Parameter, value: str) -> str:
    try:
        return codecs.lookup(value).name
    except LookupError:
        raise click.BadParameter(f"there is no encoding {value}") from None


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def main() -> None:
    """Upload hours to ExampleCo Timesheets."""


@main.command(help=HELP)
@click.argument("file", type=PATHS)
@click.option("--format", "form", type=click.Choice(list(FORMATS)), required=True)
@click.option("--people", type=PATHS, help="A table of name,person: who is meant by a name.")
@click.option("--project-map", type=PATHS, help="A table of project,code or client,project,code.")
@click.option(
    "--date-order",
    type=click.Choice([str(order) for order in DateOrder]),
    help="What 03/04/2026 is, where the file does not tell.",
)
@click.option("--encoding", default="utf-8", callback=_check_encoding, show_default=True)
@click.option(
    "--on-error",
    type=click.Choice([str(choice) for choice in OnError]),
    default=str(OnError.FAIL),
    show_default=True,
    help="fail: all rows or none; skip: take the good ones.",
)
@click.option("--dry-run", is_flag=True, help="Let the service tell what would happen.")
@click.option("--check", is_flag=True, help="Only read the file; nothing is sent.")
@click.option(
    "--errors",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write the rows that failed, as CSV.",
)
@click.option("--json", "as_json", is_flag=True, help="The summary as JSON on stdout.")
@click.option(
    "--retry-for",
    type=click.IntRange(0, 24 * 3600),
    default=15 * 60,
    show_default=True,
    help="Seconds to go on trying while the service is away.",
)
def upload(
    file: Path,
    form: str,
    people: Path | None,
    project_map: Path | None,
    date_order: str | None,
    encoding: str,
    on_error: str,
    dry_run: bool,
    check: bool,
    errors: Path | None,
    as_json: bool,
    retry_for: int,
) -> None:
    if check and dry_run:
        raise click.UsageError("--check and --dry-run exclude each other.")
    options = Options(
        path=file,
        form=form,
        mode=Mode.CHECK if check else Mode.DRY_RUN if dry_run else Mode.UPLOAD,
        on_error=OnError(on_error),
        people=people,
        projects=project_map,
        date_order=DateOrder(date_order) if date_order else None,
        encoding=encoding,
        errors=errors,
        patience=retry_for,
    )
    sys.exit(perform(options, as_json=as_json))


def perform(options: Options, *, as_json: bool) -> Exit:
    """Do it and tell about it."""
    aside = Console(stderr=True, highlight=False)
    try:
        summary = asyncio.run(_run(options, Reporter(aside)))
    except BatchError as error:
        _tell_failure(error, aside, as_json=as_json)
        return error.exit
    except KeyboardInterrupt:
        aside.print("Interrupted. The same command goes on where this one stopped.")
        return Exit.INTERRUPTED
    if as_json:
        _print_json(summary.as_json())
    else:
        summary.show(Console(highlight=False))
    return summary.exit


async def _run(options: Options, reporter: Reporter) -> Summary:
    settings = None if options.mode is Mode.CHECK else Settings.read(os.environ)
    retries = Retries(patience=options.patience)
    return await Job(options, settings, Journal.of(os.environ), reporter, retries).run()


def _tell_failure(error: BatchError, aside: Console, *, as_json: bool) -> None:
    aside.print(plain(str(error)), soft_wrap=True)
    if isinstance(error, Misuse):
        aside.print("Nothing was sent.")
    if as_json:
        _print_json(failure_as_json(error))


def _print_json(document: object) -> None:
    click.echo(json.dumps(document, ensure_ascii=False))
