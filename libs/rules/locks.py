"""Texts that name the way to unlock a day or a week, the same in every service."""

UNLOCK_CLOSED = "An administrator can move the closed period back."
