"""The app's log: never a token, a note or an address."""

from __future__ import annotations

import logging

# They write whole addresses, and an address holds codes and names.
_TALKATIVE = ("httpx", "httpcore", "keyring", "PIL")


def protect_logs() -> None:
    """Our own lines are written with care; those of libraries are kept to what went wrong."""
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
