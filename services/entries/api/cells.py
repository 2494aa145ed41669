"""Cells of a table that somebody will open in a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterable

# A spreadsheet takes what begins so for a formula, which may call out or run a program:
# https://owasp.org/www-community/attacks/CSV_Injection
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def csv_line(values: Iterable[object]) -> bytes:
    """A line of CSV (RFC 4180), whose texts no spreadsheet takes for formulas."""
    return (",".join(map(_cell, values)) + "\r\n").encode()


def _cell(value: object) -> str:
    text = str(value)
    if isinstance(value, str) and text.startswith(FORMULA_STARTS):
        text = f"'{text}"
    if any(mark in text for mark in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text
