"""A person at the stand-in's sign-in page, as BROWSER: `browser.py FILE ADDRESS`; FILE says who.

It follows links and sends the form as a browser would, and imports nothing of ours.
"""

from __future__ import annotations

import re
import sys
from html import unescape
from pathlib import Path
from urllib.parse import urljoin

import httpx


def main(file: str, address: str) -> None:
    person = Path(file).read_text("utf-8").strip()
    with httpx.Client(follow_redirects=True, timeout=30) as http:
        page = http.get(address).raise_for_status()
        form = re.search(r'<form method="post" action="([^"]+)"', page.text)
        if form is None:  # the end of a sign-out
            return
        if f'name="person" value="{person}"' not in page.text:
            raise SystemExit(f"{person} is not on the page")
        action = urljoin(str(page.url), unescape(form[1]))
        form_data = {"person": person}
        page = http.post(action, data=form_data).raise_for_status()
        if 'name="second_factor"' in page.text:
            http.post(action, data=form_data | {"second_factor": "confirmed"}).raise_for_status()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
