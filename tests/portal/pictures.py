"""`python -m tests.portal.pictures FOLDER [--all]`: pictures of the portal over the sample company.

Without --all those of the documentation; with it every page at three widths, light and dark, to be
looked at.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

from libs.rules.calendar import Week
from tests.portal.browser import Browsing
from tests.support.stack import started

LAST_WEEK = Week.of(datetime.now(UTC).date()).plus(-1)
# Name, person, path, width, height, colours.
DOCUMENTED = (
    ("week", "erin", "/", 1280, 620, "light"),
    ("week-phone", "erin", "/", 390, 780, "dark"),
    ("approvals", "maya", "/approvals", 1280, 760, "light"),
    ("reports", "ada", "/reports?group_by=customer&then_by=project", 1280, 800, "dark"),
)
PAGES = (
    *(("erin", path) for path in ("/", f"/weeks/{LAST_WEEK}", "/entries/new", "/months")),
    *(("erin", path) for path in ("/absences", "/timer", "/profile", "/nowhere")),
    *(("maya", path) for path in ("/approvals", "/approvals/overdue", "/team")),
    *(("ada", path) for path in ("/reports", "/admin/projects", "/admin/projects/new")),
    *(("ada", path) for path in ("/admin/people", "/admin/people/person/auth0%7Cerin")),
    *(("ada", path) for path in ("/admin/unassigned", "/admin/period", "/admin/holidays")),
    *(("ada", path) for path in ("/admin/batches", "/admin/changes?service=profile")),
)


async def draw(origin: str, folder: Path, *, everything: bool) -> None:
    async with Browsing(origin) as browsing:
        if not everything:
            for name, person, path, width, height, colours in DOCUMENTED:
                await _draw(browsing, folder / name, person, path, (width, height), colours)
            return
        for (person, path), width, colours in product(PAGES, (360, 768, 1280), ("light", "dark")):
            name = path.strip("/").partition("?")[0].replace("/", "-") or "week"
            file = folder / f"{name}-{width}-{colours}"
            await _draw(browsing, file, person, path, (width, 900), colours, full=True)


async def _draw(
    browsing: Browsing,
    file: Path,
    person: str,
    path: str,
    size: tuple[int, int],
    colours: str,
    *,
    full: bool = False,
) -> None:
    viewport = {"width": size[0], "height": size[1]}
    async with browsing.as_person(person, viewport=viewport, color_scheme=colours) as watched:
        await watched.page.goto(browsing.origin + path)
        await watched.page.screenshot(path=f"{file}.png", full_page=full)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.portal.pictures")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--all", action="store_true", help="every page, to be looked at")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory, started(Path(directory)) as stack:
        asyncio.run(draw(stack.addresses.gateway, options.folder, everything=options.all))


if __name__ == "__main__":
    main()
