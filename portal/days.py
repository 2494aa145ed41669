"""Which day it is for the person who asks."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from aiohttp import web

from libs.rules.calendar import Week
from portal.rendering import SESSION


def today(request: web.Request) -> date:
    """In the person's time zone."""
    zone = request[SESSION].profile.time_zone
    try:
        return datetime.now(ZoneInfo(zone) if zone else UTC).date()
    except (ValueError, OSError):
        return datetime.now(UTC).date()


def week_of(request: web.Request) -> Week:
    """The week in the path; 404 for what is none."""
    try:
        return Week.parse(request.match_info["week"])
    except ValueError as error:
        raise web.HTTPNotFound from error


def parse_day(text: str) -> date | None:
    """The day of an ISO date, or None if the text is none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
