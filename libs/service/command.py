"""`python -m services.<name>`: read the settings, set up the logs, serve."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict

import structlog
from aiohttp import web

from libs.service.settings import ServiceSettings
from libs.web.build import Build
from libs.web.logs import configure_logging
from libs.web.server import run
from libs.web.settings import SettingsError
from libs.web.tracing import start_tracing


def run_service(
    name: str,
    create_app: Callable[[ServiceSettings], web.Application],
    follows: Sequence[str] = (),
) -> None:
    """Serve until SIGTERM. Wrong settings end the process with status 2 and a line for each."""
    try:
        settings = ServiceSettings.read(os.environ, name, follows)
        start_tracing(name, os.environ)
    except SettingsError as error:
        for mistake in error.mistakes:
            sys.stderr.write(f"{name}: {mistake}\n")
        raise SystemExit(2) from error
    configure_logging(settings.web.log_format, settings.web.log_level, name)
    structlog.get_logger(__name__).info("starting", **asdict(Build.read()), **settings.described())
    run(create_app(settings), settings.web)
