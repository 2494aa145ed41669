"""`python -m dev run`, `python -m dev token --as erin`"""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import aiohttp

from dev.console import Terminal
from dev.gateway import GatewayError
from dev.issuer.state import machine_secrets
from dev.postgres import PostgresError
from dev.processes import ChildError
from dev.sample_data import MACHINES, PEOPLE, machine_named, person_named
from dev.seed import LoadError
from dev.settings import SettingsError
from dev.signin import SignInError, machine_token, sign_in
from dev.stack import ROOT, Addresses, Stack, StackError, read_addresses

REASONS = (
    *(ChildError, GatewayError, LoadError, PostgresError),
    *(SettingsError, SignInError, StackError, aiohttp.ClientError, OSError),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that is named, and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m dev", description="ExampleCo on one machine")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="start everything, until Ctrl-C")
    run.add_argument("--empty", action="store_true", help="do not load the sample company")
    token = commands.add_parser("token", help="print an access token")
    names = [person.key for person in PEOPLE] + [machine.client_id for machine in MACHINES]
    token.add_argument("--as", dest="name", required=True, choices=names, metavar="WHO")
    for command in (run, token):
        command.add_argument("--directory", type=Path, default=ROOT / ".dev", help="of the data")
    options = parser.parse_args(arguments)
    if options.command == "token":
        return _print_token(options.directory, options.name)
    return _run(options.directory, empty=options.empty)


def _run(directory: Path, *, empty: bool) -> int:
    terminal = Terminal()
    began = time.monotonic()

    def on_ready(addresses: Addresses) -> None:
        terminal.ready(addresses, time.monotonic() - began, directory)

    try:
        stack = Stack(directory, os.environ, empty=empty, progress=terminal.progress)
        asyncio.run(stack.run(on_ready))
    except REASONS as reason:
        terminal.fail(str(reason) or repr(reason))
        return 1
    terminal.done()
    return 0


def _print_token(directory: Path, name: str) -> int:
    try:
        token = asyncio.run(_token(directory, name))
    except REASONS as reason:
        sys.stderr.write(f"{str(reason) or repr(reason)}\n")
        return 1
    sys.stdout.write(f"{token}\n")
    return 0


async def _token(directory: Path, name: str) -> str:
    issuer = read_addresses(directory).issuer
    async with aiohttp.ClientSession() as session:
        person, machine = person_named(name), machine_named(name)
        if person is not None:
            return await sign_in(session, issuer, person)
        if machine is None:
            raise SignInError(f"nobody is called {name}")
        secret = machine_secrets(directory / "issuer" / "clients.json")[machine.client_id]
        return await machine_token(session, issuer, machine, secret)


if __name__ == "__main__":
    sys.exit(main())
