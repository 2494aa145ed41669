"""Lists sorted by their address: `?sort=name`, or `?sort=-name` for descending order.

Only lists that a page holds whole are sorted here. The API pages the others in one fixed order, and
sorting a single page of those would mislead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from portal.lists import PAGE_SIZE, Listing

DESCENDING = "-"

Key = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Sorting:
    """The column that a list is sorted by."""

    name: str
    is_descending: bool = False

    def apply(self, items: Iterable[Any], keys: Mapping[str, Key]) -> list[Any]:
        """Sort stably, so that equal items keep the order in which they came."""
        return sorted(items, key=keys[self.name], reverse=self.is_descending)

    def after_click(self, name: str) -> str:
        """Value of `sort` behind the header of a column: the other direction on a second click."""
        is_second = name == self.name and not self.is_descending
        return f"{DESCENDING}{name}" if is_second else name

    def direction_of(self, name: str) -> str:
        """Value of `aria-sort` for a column; empty if the list is not sorted by it."""
        if name != self.name:
            return ""
        return "descending" if self.is_descending else "ascending"


def sorting_of(request: web.Request, names: Iterable[str], default: str) -> Sorting:
    """The order in the address; `default` if it has none or names an unknown column."""
    given = request.query.get("sort", "")
    name = given.removeprefix(DESCENDING)
    if name not in names:
        return Sorting(default)
    return Sorting(name, given.startswith(DESCENDING))


def page_of(request: web.Request, items: list[Any], size: int = PAGE_SIZE) -> Listing:
    """The part of a whole list that the address names; `cursor` is the index of its first item."""
    given = request.query.get("cursor", "")
    first = int(given) if given.isdecimal() and len(given) < 10 else 0
    following = first + size
    return Listing(items[first:following], str(following) if following < len(items) else None)
