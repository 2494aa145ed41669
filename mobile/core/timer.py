"""The stored timer, and what of it outlives signing out."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from mobile.core.store import Store

log = logging.getLogger(__name__)

TIMER = "timer"


def keep_timer(store: Store, path: Path) -> None:
    """Write a running timer beside the store that is about to be deleted.

    The file holds when it was started and the project's code, no note and no name.
    """
    timer = store.get(TIMER) or {}
    if "started" not in timer:
        return
    kept = {key: timer[key] for key in ("project", "started", "day") if key in timer}
    path.write_text(json.dumps(kept), "utf-8")
    path.chmod(0o600)


def take_timer(store: Store, path: Path) -> None:
    """Take over the timer that `keep_timer` left for the same person."""
    if not path.exists():
        return
    try:
        kept = json.loads(path.read_text("utf-8"))
    except ValueError:
        log.warning("a kept timer cannot be read")
        kept = None
    if isinstance(kept, dict) and "started" not in (store.get(TIMER) or {}):
        store.set(TIMER, kept)
    path.unlink()
