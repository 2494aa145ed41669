"""Every text of the portal is there in every language."""

from __future__ import annotations

import re
from datetime import date

import pytest

from portal.api_texts import how_to_unlock
from portal.i18n import LANGUAGE
from portal.translations.extract import extract, read_catalog, untranslated
from services.entries.model import Lock, State, lock_of

DAY = date(2026, 11, 23)
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


@pytest.mark.parametrize(
    "lock",
    [
        lock_of(DAY, State.SUBMITTED, None),
        lock_of(DAY, State.APPROVED, None),
        lock_of(DAY, State.OPEN, DAY),
    ],
)
def test_how_to_unlock_is_what_the_api_says_in_each_language(lock: Lock | None) -> None:
    assert lock is not None
    assert how_to_unlock(lock.reason, lock.unlock) == lock.unlock
    translation = read_catalog("de").get(lock.unlock)
    assert translation is not None, "the API has other words now"
    token = LANGUAGE.set("de")
    assert how_to_unlock(lock.reason, lock.unlock) == translation.string
    LANGUAGE.reset(token)
