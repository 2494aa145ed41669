"""How the services learn of each other: what happened, in order, exactly once."""

from libs.feed.events import Event, publish

__all__ = ["Event", "publish"]
