"""Limits and defaults that more than one service goes by."""

MAX_REASON_LENGTH = 1000
MAX_PERSON_LENGTH = 255
"""Of a `sub` (OpenID Connect Core 2)."""
