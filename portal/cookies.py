"""The portal's cookies."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

SIGN_IN_SECONDS = 15 * 60
PREFERENCE_SECONDS = 365 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Cookies:
    """`__Host-` cookies (RFC 6265bis) over https; plain names on loopback, where there is none."""

    is_secure: bool

    def name(self, base: str) -> str:
        """The cookie's name in the browser, with `__Host-` over https (RFC 6265bis)."""
        return f"__Host-{base}" if self.is_secure else base

    def read(self, request: web.Request, base: str) -> str:
        """The cookie's value, or an empty text if the browser sent none."""
        return request.cookies.get(self.name(base), "")

    def set(
        self, response: web.StreamResponse, base: str, value: str, seconds: int | None = None
    ) -> None:
        """Set a cookie that scripts cannot read; without `seconds` it ends with the browser's
        session."""
        response.set_cookie(
            self.name(base),
            value,
            max_age=seconds,
            path="/",
            secure=self.is_secure,
            httponly=True,
            samesite="Lax",
        )

    def delete(self, response: web.StreamResponse, base: str) -> None:
        """Make the browser forget the cookie."""
        response.del_cookie(
            self.name(base), path="/", secure=self.is_secure, httponly=True, samesite="Lax"
        )


COOKIES = web.AppKey("COOKIES", Cookies)
SESSION_COOKIE = "session"
SIGN_IN_COOKIE = "sign-in"
LANGUAGE_COOKIE = "language"
APPEARANCE_COOKIE = "appearance"
