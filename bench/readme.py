"""`python -m bench.readme`: put the table of the latest results into the README."""

from __future__ import annotations

import re
from pathlib import Path

from bench.results import read_results, table

README = Path(__file__).parent.parent / "README.md"
_PLACE = re.compile(r"(?<=<!-- bench -->\n).*?(?=<!-- /bench -->)", re.DOTALL)


def main() -> None:
    text = README.read_text()
    if not _PLACE.search(text):
        raise SystemExit("README.md has no place for the table: <!-- bench --> <!-- /bench -->")
    shown = table(result for result in read_results() if result.target is not None)
    README.write_text(_PLACE.sub(lambda _match: f"{shown}\n", text))


if __name__ == "__main__":
    main()
