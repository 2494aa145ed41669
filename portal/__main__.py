"""`python -m portal`: read the settings, set up the logs, serve."""

from __future__ import annotations

import os
import sys

import structlog

from libs.web.logs import configure_logging
from libs.web.server import run
from libs.web.settings import SettingsError
from libs.web.tracing import start_tracing
from portal.app import create_app
from portal.settings import PortalSettings


def main() -> None:
    """Serve until SIGTERM. Wrong settings end the process with status 2 and a line for each."""
    try:
        settings = PortalSettings.read(os.environ)
        start_tracing("portal", os.environ)
    except SettingsError as error:
        for mistake in error.mistakes:
            sys.stderr.write(f"portal: {mistake}\n")
        raise SystemExit(2) from error
    configure_logging(settings.web.log_format, settings.web.log_level, "portal")
    structlog.get_logger(__name__).info("starting", **settings.described())
    run(create_app(settings), settings.web)


main()
