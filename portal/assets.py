"""Styles, scripts and icons: read and compressed at start, served from memory for a year."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

from aiohttp import hdrs, web

from portal.access import public

FOLDER = Path(__file__).parent / "static"
STYLES = (
    *("base", "layout", "navigation", "messages", "forms", "tables", "lists", "grid"),
    *("dialogs", "charts", "print"),
)
SCRIPTS = (
    *("page", "dialogs", "saving", "unsaved", "grid", "keyboard", "timer", "people"),
    "start",
)
TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webmanifest": "application/manifest+json",
}
YEAR = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that the portal serves: its bytes, the same by gzip, and a URL with their hash."""

    body: bytes
    compressed: bytes
    content_type: str
    url: str


def read_assets() -> dict[str, Asset]:
    """By name. All style sheets are served as one, and so are all scripts."""
    files = {path.name: path.read_bytes() for path in FOLDER.iterdir() if path.suffix in TYPES}
    for name, parts in (("portal.css", STYLES), ("portal.js", SCRIPTS)):
        suffix = Path(name).suffix
        files[name] = b"\n".join([files.pop(f"{part}{suffix}") for part in parts])
    return {name: _asset(name, body) for name, body in files.items()}


def _asset(name: str, body: bytes) -> Asset:
    digest = hashlib.sha256(body).hexdigest()[:12]
    return Asset(
        body=body,
        compressed=gzip.compress(body, 9, mtime=0),
        content_type=TYPES[Path(name).suffix],
        url=f"/static/{digest}/{name}",
    )


ASSETS = web.AppKey("ASSETS", dict[str, Asset])


@public
async def send_asset(request: web.Request) -> web.Response:
    """The file of that name and content; another content is another address."""
    asset = request.app[ASSETS].get(request.match_info["name"])
    if asset is None or asset.url != request.path:
        raise web.HTTPNotFound
    headers = {hdrs.CACHE_CONTROL: YEAR, hdrs.VARY: hdrs.ACCEPT_ENCODING}
    if "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, ""):
        headers[hdrs.CONTENT_ENCODING] = "gzip"
        return web.Response(body=asset.compressed, content_type=asset.content_type, headers=headers)
    return web.Response(body=asset.body, content_type=asset.content_type, headers=headers)


ROUTES = [web.get("/static/{digest}/{name}", send_asset)]
