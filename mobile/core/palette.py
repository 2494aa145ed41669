"""Project colours: one of twelve, stable by code, readable on the surfaces of both modes.

A colour never carries meaning alone: the project's name stands beside it.
"""

from __future__ import annotations

import zlib

LIGHT = (
    *("#00695c", "#1565c0", "#6a1b9a", "#ad1457", "#c62828", "#bf360c"),
    *("#8d6e00", "#558b2f", "#2e7d32", "#00838f", "#4527a0", "#5d4037"),
)
DARK = (
    *("#4db6ac", "#64b5f6", "#ba68c8", "#f06292", "#ef9a9a", "#ff8a65"),
    *("#ffd54f", "#aed581", "#81c784", "#4dd0e1", "#9fa8da", "#bcaaa4"),
)


def project_color(code: str, *, dark: bool) -> str:
    """The colour as `#rrggbb`."""
    palette = DARK if dark else LIGHT
    return palette[zlib.crc32(code.encode()) % len(palette)]
