"""Durations as people type them, and dates as they read them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest

from portal import formats
from portal.i18n import LANGUAGE, accepted_languages, choose_language


@pytest.fixture
def german() -> Iterator[None]:
    token = LANGUAGE.set("de")
    yield
    LANGUAGE.reset(token)


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        *[("1:30", 90), ("0:05", 5), ("24:00", 1440), ("8", 480), ("1.5", 90), ("1,25", 75)],
        *[(".5", 30), ("90m", 90), ("90 min", 90), ("1h", 60), ("1h 30m", 90), ("1h30", 90)],
        *[("1,5 h", 90), ("2 Std", 120), (" 7:45 ", 465), ("0", 0)],
    ],
)
def test_a_duration_is_read(text: str, minutes: int) -> None:
    assert formats.parse_duration(text) == minutes


@pytest.mark.parametrize("text", ["", "  "])
def test_nothing_is_no_duration(text: str) -> None:
    assert formats.parse_duration(text) is None


@pytest.mark.parametrize("text", ["x", "1:75", "-1", "25", "1e3", "1:2:3", "h", ".", "1 2", "٣"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        formats.parse_duration(text)


def test_a_week_may_be_longer_than_a_day() -> None:
    assert formats.parse_duration("40:00", is_week=True) == 2400
    with pytest.raises(ValueError, match="168"):
        formats.parse_duration("169", is_week=True)


def test_dates_are_english() -> None:
    assert formats.week_range("2026-W48") == "23\u201329 Nov 2026"
    assert formats.long_day("2026-11-23") == "Monday, 23 November 2026"
    assert formats.duration(-90) == "\u22121:30"


@pytest.mark.usefixtures("german")
def test_dates_are_german() -> None:
    assert formats.week_range("2026-W48") == "23.\u201329. Nov. 2026"
    assert formats.week_range("2026-W45") == "2.\u20138. Nov. 2026"
    assert formats.week_range("2026-W44") == "26. Okt. \u2013 1. Nov. 2026"
    assert formats.weekday(date(2026, 11, 23)) == "Mo."
    assert formats.hours(90) == "1,50"


def test_the_first_language_that_is_spoken_is_chosen() -> None:
    assert accepted_languages("fr;q=0.9, de-AT;q=0.8, en;q=0.5, *;q=x") == ["fr", "de-AT", "en"]
    assert choose_language(["fr", "de-AT", "en"]) == "de"
    assert choose_language(["fr"]) == "en"
