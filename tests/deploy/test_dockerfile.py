"""The Dockerfile and what is sent to the builder go together."""

from __future__ import annotations

import re

from tests.deploy.manifests import ROOT

COPIED = re.compile(r"^COPY (?!--from)(?P<sources>.+) \S+$", re.M)


def test_what_is_copied_is_there_and_is_not_ignored() -> None:
    """`.dockerignore` excludes everything and lists what is sent."""
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignore
    sent = {line[1:] for line in ignore if line.startswith("!")}
    dockerfile = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    copied = {path for line in COPIED.finditer(dockerfile) for path in line["sources"].split()}
    assert copied == sent
    assert [path for path in copied if not (ROOT / path).exists()] == []
