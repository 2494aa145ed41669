"""The HTTP API of batches."""

from __future__ import annotations

from aiohttp import web

from services.entries.batches.api import batches, errors, uploads


def batch_routes() -> list[web.RouteDef]:
    """The routes of batches: upload, list, rows and errors."""
    return [*uploads.upload_routes(), *batches.ROUTES, *errors.ROUTES]
