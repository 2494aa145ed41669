"""Cells of CSV files that people open in a spreadsheet.

A spreadsheet evaluates a cell that begins like a formula, which can call out or run a program
(https://owasp.org/www-community/attacks/CSV_Injection). An apostrophe before it prevents that, and
before an apostrophe that is followed by such a text, so that `unguarded` can take it away again.
"""

from __future__ import annotations

from collections.abc import Iterable

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def csv_line(values: Iterable[object]) -> bytes:
    """A line of CSV (RFC 4180) without formulas."""
    return (",".join(map(_cell, values)) + "\r\n").encode()


def guarded_sql(expression: str) -> str:
    """SQL for the text `expression` without formulas, as `csv_line` writes it."""
    starts = ", ".join(str(ord(start)) for start in FORMULA_STARTS)
    return (
        f"CASE WHEN ascii(ltrim({expression}, '''')) IN ({starts}) "
        f"THEN '''' || {expression} ELSE {expression} END"
    )


def unguarded(text: str) -> str:
    """The text of a guarded cell."""
    is_guarded = text.startswith("'") and text.lstrip("'").startswith(FORMULA_STARTS)
    return text[1:] if is_guarded else text


def _cell(value: object) -> str:
    text = str(value)
    if isinstance(value, str) and text.lstrip("'").startswith(FORMULA_STARTS):
        text = f"'{text}"
    if any(special in text for special in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text
