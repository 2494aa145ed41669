"""`python -m dev.issuer --port 8001 --directory .dev/issuer`"""

import argparse
import logging
from pathlib import Path

from aiohttp import web

from dev.issuer.app import create_app
from dev.issuer.state import Store, machine_secrets

HOST = "127.0.0.1"


def main() -> None:
    """Serve the stand-in until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m dev.issuer", description="stand in for Auth0")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--directory", type=Path, required=True, help="where it keeps its keys")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    directory: Path = arguments.directory
    app = create_app(
        f"http://{HOST}:{arguments.port}/",
        Store(directory / "state.json"),
        machine_secrets(directory / "clients.json"),
    )
    web.run_app(app, host=HOST, port=arguments.port, print=lambda *_: None, shutdown_timeout=1)


if __name__ == "__main__":
    main()
