"""`python -m bench [case ...]`: measure, print a table, store bench/results/latest.json."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import sys
import time

from bench.results import Result, table, write_results

CASES = (
    *("requests", "openloop", "connections", "contention", "closing", "cycles", "batches"),
    *("tokens", "growth", "keeping", "starting", "feeds", "tracing"),
)
"""Modules of this package; each has `async def measure() -> list[Result]`."""


def run(case: str) -> list[Result]:
    """Measure one case and return its results. The time it took goes to stderr."""
    sys.stderr.write(f"{case} ...\n")
    began = time.monotonic()
    results: list[Result] = asyncio.run(importlib.import_module(f"bench.{case}").measure())
    sys.stderr.write(f"{case}: {time.monotonic() - began:.0f} s\n")
    return results


def main() -> None:
    """Measure the cases of the command line, or all. Exits with 2 if there is no such case."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("case", nargs="*", help=f"of {', '.join(CASES)}; without one, all")
    chosen = parser.parse_args().case
    if wrong := set(chosen) - set(CASES):
        parser.error(f"there is no case {', '.join(sorted(wrong))}")
    results = [result for case in chosen or CASES for result in run(case)]
    write_results(results, keep_others=bool(chosen))
    sys.stdout.write(table(results) + "\n")


if __name__ == "__main__":
    main()
