"""Durations as people type them."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobile.core.durations import NotADuration, format_duration, parse_duration


@pytest.mark.parametrize(
    ("typed", "minutes"),
    [
        *(("1:30", 90), ("1.5", 90), ("1,5", 90), ("90m", 90), ("90 min", 90), ("90", 90)),
        *(("1h 30m", 90), ("1h30", 90), ("1.5h", 90), ("1,5 Std", 90), (" 1 : 30 ", 90)),
        *((":45", 45), ("0:05", 5), ("8", 480), ("24", 1440), ("24:00", 1440), ("25", 25)),
        *((".25", 15), ("1.", 60), ("1.33", 80), ("0.01", 1), ("8 hours", 480), ("1:5", 65)),
    ],
)
def test_what_people_type_is_understood(typed: str, minutes: int) -> None:
    assert parse_duration(typed) == minutes


@pytest.mark.parametrize(
    "typed",
    ["", " ", "0", "0:00", "24:01", "1441", "25h", "1:60", "-1", "1:2:3", "a", "1.5.5", "h", "1e3"],
)
def test_what_is_no_duration_within_a_day_is_refused(typed: str) -> None:
    with pytest.raises(NotADuration):
        parse_duration(typed)


@given(st.integers(1, 1440))
def test_what_is_shown_can_be_typed_again(minutes: int) -> None:
    assert parse_duration(format_duration(minutes)) == minutes


@given(st.text(max_size=12))
def test_no_text_is_understood_as_more_than_a_day(typed: str) -> None:
    with contextlib.suppress(NotADuration):
        assert 1 <= parse_duration(typed) <= 1440
