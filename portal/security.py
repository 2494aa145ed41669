"""Protects browsers: response headers, and the refusal of requests that other sites sent."""

from __future__ import annotations

from urllib.parse import urlsplit

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from portal.settings import PortalSettings

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
FORM_TYPES = frozenset({"application/x-www-form-urlencoded", "application/json"})
MAX_FORM_BYTES = 256 * 1024

SETTINGS = web.AppKey("SETTINGS", PortalSettings)


class CrossSiteRequest(Exception):
    """Another site sent a request that changes something."""


def content_security_policy(settings: PortalSettings) -> str:
    """Own files only; forms may end at the issuer, to which signing in and out redirect."""
    issuer = urlsplit(settings.auth.issuer)
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            "font-src 'self'",
            "connect-src 'self'",
            "manifest-src 'self'",
            f"form-action 'self' {issuer.scheme}://{issuer.netloc}",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ]
    )


def protect_response(request: web.Request, response: web.StreamResponse) -> None:
    """Set the headers that make browsers protect the page."""
    settings = request.app[SETTINGS]
    headers = response.headers
    headers.setdefault(hdrs.CACHE_CONTROL, "no-store")
    headers["Content-Security-Policy"] = content_security_policy(settings)
    headers["X-Content-Type-Options"] = "nosniff"
    headers["X-Frame-Options"] = "DENY"
    headers["Referrer-Policy"] = "same-origin"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
    if settings.is_secure:
        headers["Strict-Transport-Security"] = "max-age=63072000; includeSubDomains"


@web.middleware
async def refuse_cross_site(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Only our own pages may change anything (Fetch Metadata, and Origin for older browsers)."""
    if request.method not in SAFE_METHODS and not _is_same_origin(request):
        raise CrossSiteRequest
    return await handler(request)


def _is_same_origin(request: web.Request) -> bool:
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get(hdrs.ORIGIN)
    if site is not None and site != "same-origin":
        return False
    if origin is not None:
        return origin == request.app[SETTINGS].portal_url
    # If a browser sends neither, its form may come from another site.
    return site is not None


def safe_path(target: str) -> str:
    """`target` if it is a path of this site, else `/`: never an address elsewhere."""
    has_control = any(ord(character) <= 0x20 or character == "\x7f" for character in target)
    if not target.startswith("/") or target.startswith(("//", "/\\")) or has_control:
        return "/"
    parts = urlsplit(target)
    return "/" if parts.scheme or parts.netloc or "\\" in target else target
