"""The results of a measurement, for machines and for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

LATEST = Path(__file__).parent / "results" / "latest.json"


@dataclass(frozen=True, slots=True)
class Result:
    """`target` and `holds` are None for a value without a target; `against` is the denominator of
    a ratio, or the conditions of the measurement."""

    case: str
    value: float
    target: float | None
    unit: str
    holds: bool | None
    against: str


def at_least(case: str, value: float, target: float, unit: str, against: str) -> Result:
    """A result that meets its target from `target` upwards."""
    return Result(case, _short(value), target, unit, value >= target, against)


def at_most(case: str, value: float, target: float, unit: str, against: str) -> Result:
    """A result that meets its target up to `target`."""
    return Result(case, _short(value), target, unit, value <= target, against)


def reported(case: str, value: float, unit: str, against: str) -> Result:
    """A result without a target."""
    return Result(case, _short(value), None, unit, None, against)


def read_results(path: Path = LATEST) -> list[Result]:
    """Read stored results; none if there is no file."""
    return msgspec.json.decode(path.read_bytes(), type=list[Result]) if path.exists() else []


def write_results(new: Sequence[Result], path: Path = LATEST, *, keep_others: bool) -> None:
    """Store `new`. With `keep_others`, earlier results of other cases stay."""
    earlier = read_results(path) if keep_others else []
    merged = {result.case: result for result in [*earlier, *new]}
    path.parent.mkdir(exist_ok=True)
    encoded = msgspec.json.format(msgspec.json.encode(list(merged.values())))
    path.write_bytes(encoded + b"\n")


def table(results: Iterable[Result]) -> str:
    """A Markdown table, which a terminal shows well enough."""
    lines = ["| case | measured | target | against |", "|---|---|---|---|"]
    lines += [
        f"| {result.case} | {_figure(result.value)} {result.unit} | {_target(result)} "
        f"| {result.against} |"
        for result in results
    ]
    return "\n".join(lines)


def _target(result: Result) -> str:
    if result.target is None:
        return ""
    return f"{_figure(result.target)} {'✓' if result.holds else '✗ missed'}"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:g}"


def _short(value: float) -> float:
    """Three significant digits: the fourth is noise."""
    return float(f"{value:.3g}")
