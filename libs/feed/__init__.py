"""Event feeds between services: in commit order, each event applied exactly once."""

from libs.feed.events import Event, publish

__all__ = ["Event", "publish"]
