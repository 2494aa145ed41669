"""`python -m bench.readme`: put the latest results into the README and the performance page."""

from __future__ import annotations

import re
from pathlib import Path

from bench.results import Result, read_results, table

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PAGE = ROOT / "docs/explanation/performance.md"
_PLACE = re.compile(r"(?<=<!-- bench -->\n).*?(?=<!-- /bench -->)", re.DOTALL)

# The rows of the README, by how their cases begin.
SHOWN = (
    "list a week of 20 entries: throughput relative to the floor on uvloop",
    "create an entry: throughput relative to Fastify",
    "batch of 10^6 rows of NDJSON: rate",
    "reads during a batch of 160,000 rows: p99",
    "feed: submission to approval",
)


def main() -> None:
    """Write both tables."""
    results = [result for result in read_results() if result.target is not None]
    put_table(PAGE, results)
    put_table(README, [result for result in results if result.case.startswith(SHOWN)])


def put_table(page: Path, results: list[Result]) -> None:
    """Replace the table between the marks of the page."""
    text = page.read_text()
    if not _PLACE.search(text):
        raise SystemExit(f"{page.name} has no place for the table: <!-- bench --> <!-- /bench -->")
    page.write_text(_PLACE.sub(lambda _match: f"{table(results)}\n", text))


if __name__ == "__main__":
    main()
