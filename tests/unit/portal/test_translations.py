"""Every text of the portal is there in every language."""

from __future__ import annotations

import re

import pytest

from portal.translations.extract import extract, read_catalog, untranslated

PLACEHOLDER = re.compile(r"%\((\w+)\)s")


def test_no_text_lacks_its_german() -> None:
    catalog = read_catalog("de")
    catalog.update(extract(), no_fuzzy_matching=True)
    assert untranslated(catalog) == [], "run python -m portal.translations.extract"


@pytest.mark.parametrize("language", ["de"])
def test_translations_keep_their_placeholders(language: str) -> None:
    for message in read_catalog(language):
        expected = set(PLACEHOLDER.findall(str(message.id)))
        assert set(PLACEHOLDER.findall(str(message.string))) == expected, message.id
