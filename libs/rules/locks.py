"""What unlocks a day or a week, in the words of every service."""

UNLOCK_CLOSED = "An administrator can move the closed period back."
