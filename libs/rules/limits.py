"""Limits and defaults that more than one service goes by."""

DEFAULT_TARGET_MINUTES = 40 * 60
"""The weekly target of people without one of their own."""

MAX_REASON_LENGTH = 1000
MAX_PERSON_LENGTH = 255
"""Of a `sub` (OpenID Connect Core 2)."""
