r"""Regular expressions of marshmallow as those of JSON Schema.

marshmallow's patterns match from the start and may end in \Z; those of JSON Schema match anywhere
and have no \Z.
"""

from __future__ import annotations

from typing import Any


def translate_patterns(node: Any) -> None:
    """Anchor every `pattern` of the document, in place."""
    if isinstance(node, list):
        for inner in node:
            translate_patterns(inner)
    elif isinstance(node, dict):
        if isinstance(pattern := node.get("pattern"), str):
            node["pattern"] = "^" + pattern.removeprefix("^").removesuffix(r"\Z") + "$"
        translate_patterns(list(node.values()))
