"""Events as a follower gets them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec


def data_of(members: Mapping[str, Any]) -> msgspec.Raw:
    """The data of an event that says this."""
    return msgspec.Raw(msgspec.json.encode(members))
