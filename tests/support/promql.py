"""Reads an expression of Prometheus: as far as a check of names goes, and no further."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_matchers = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"')
_selector = re.compile(r'([a-zA-Z_:][\w:]*)\s*\{((?:[^{}"]|"(?:[^"\\]|\\.)*")*)\}')
_grouping = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_range = re.compile(r"\[[^\]]*\]|\boffset\s+\w+")
_bare = re.compile(r"(?<![\w:.$])[a-zA-Z_:][\w:]*(?!\s*[\w:(])")
_WORDS = {"and", "or", "unless", "bool", "by", "on", "group_left"}


@dataclass(frozen=True, slots=True)
class Matcher:
    """A condition on one label: `operator` is one of =, !=, =~, !~."""

    label: str
    operator: str
    value: str

    @property
    def alternatives(self) -> list[str]:
        """The values asked for, each a regular expression or a text."""
        return self.value.split("|") if "~" in self.operator else [re.escape(self.value)]


@dataclass(frozen=True, slots=True)
class Selector:
    """A metric and the conditions on its labels."""

    metric: str
    matchers: tuple[Matcher, ...] = ()


def selectors_of(expression: str) -> Iterator[Selector]:
    """Every series that the expression reads."""
    for metric, matchers in _selector.findall(expression):
        yield Selector(metric, tuple(Matcher(*found) for found in _matchers.findall(matchers)))
    rest = _selector.sub(" ", expression)
    for name in _bare.findall(_grouping.sub(" ", _range.sub(" ", rest))):
        if name not in _WORDS:
            yield Selector(name)


def labels_grouped_by(expression: str) -> set[str]:
    """The labels in its `by`, `on` and the like."""
    named = ",".join(_grouping.findall(expression))
    return {label for label in re.split(r"[\s,]+", named) if label}
