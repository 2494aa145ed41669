"""The output of the terminal."""

import contextlib
import os
import shlex
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from dev.sample_data import MACHINES, PEOPLE, Role, person_named
from dev.stack import ROOT, Addresses

ROLES = {
    Role.EMPLOYEE: "log own time",
    Role.CONTRACTOR: "log own time",
    Role.MANAGER: "log own time, approve the team's",
    Role.ADMINISTRATOR: "do all but upload for others",
}


class Terminal:
    """Says what is going on; a terminal that was closed meanwhile is no reason to fail."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)
        self._status = self._console.status("")

    def progress(self, step: str) -> None:
        """Show the present step, on a terminal only."""
        with contextlib.suppress(OSError):
            if self._console.is_terminal:
                self._status.update(f"{step} …")
                self._status.start()

    def ready(self, addresses: Addresses, seconds: float, directory: Path) -> None:
        """Show where everything is and who can sign in."""
        with contextlib.suppress(OSError):
            self._status.stop()
            self._console.print(f"[bold]Open {addresses.gateway}/[/]")
            self._console.print(f"[bold]Ready in {seconds:.1f} s.[/] Ctrl-C stops all of it.\n")
            self._console.print(_places(addresses))
            self._console.print(_people())
            self._console.print(_machines())
            self._console.print("\n[bold]Try[/]")
            for line in _examples(addresses, directory):
                # As it is, however long: a line that was wrapped cannot be pasted.
                self._console.out(line, highlight=False)

    def done(self) -> None:
        """Remove the step that is shown."""
        with contextlib.suppress(OSError):
            self._status.stop()

    def fail(self, reason: str) -> None:
        """Show why the stack could not go on."""
        self.done()
        with contextlib.suppress(OSError):
            sys.stderr.write(f"{reason}\n")


def _places(addresses: Addresses) -> Table:
    table = _table("What", "Where")
    table.add_row("Portal", f"{addresses.gateway}/")
    table.add_row("API, by the gateway", f"{addresses.gateway}/v1/")
    for name in addresses.services:
        table.add_row(f"API pages of {name}", f"{addresses.gateway}/v1/{name}/docs")
    table.add_row("Stand-in for Auth0", addresses.issuer)
    for name, url in {**addresses.services, "portal": addresses.portal}.items():
        table.add_row(f"{name} itself", url)
        table.add_row(f"metrics of {name}", f"{addresses.admin[name]}/metrics")
    table.add_row("PostgreSQL", f"{addresses.postgres}, passwords in {_short(addresses.record)}")
    table.add_row("Mail that was sent", addresses.mail)
    table.add_row("Logs", _short(addresses.logs))
    return table


def _people() -> Table:
    table = _table("Sign in as", "Who", "Manager", "May")
    for person in PEOPLE:
        manager = person_named(person.manager) if person.manager else None
        table.add_row(
            f"[bold]{person.key}[/]",
            person.name,
            manager.name if manager else "nobody",
            ROLES[person.role],
        )
    return table


def _machines() -> Table:
    table = _table("Program", "What it does", "May")
    for machine in MACHINES:
        scopes = ", ".join(sorted(machine.permissions))
        table.add_row(f"[bold]{machine.client_id}[/]", machine.purpose, scopes)
    return table


def _examples(addresses: Addresses, directory: Path) -> list[str]:
    python = _short(sys.executable)
    place = "" if directory == ROOT / ".dev" else f" --directory {shlex.quote(str(directory))}"

    def call(key: str, path: str, *options: str) -> str:
        token = f'"Authorization: Bearer $({python} -m dev token{place} --as {key})"'
        return " ".join(["curl", "-sS", *options, "-H", token, f"'{addresses.gateway}{path}'"])

    return [
        call("erin", "/v1/timesheets"),
        call("erin", "/v1/entries?limit=5"),
        call("maya", "/v1/projects"),
        call("ada", "/v1/entries?person=auth0%7Ccarl&limit=5"),
        call("partner-payroll", "/v1/entries/feed?limit=5"),
        f"curl -sS -X POST {addresses.issuer}stand-in/rotate-keys",
    ]


def _table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _short(path: str) -> str:
    """Relative to where one stands, when it is below."""
    here = Path.cwd()
    return os.path.relpath(path, here) if Path(path).is_relative_to(here) else path
