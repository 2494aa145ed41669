"""Arabic and Hebrew in the order in which they are drawn."""

from __future__ import annotations

import pytest

from mobile.core.bidi import join_arabic, visual_order

SHALOM, OLAM = "\u05e9\u05dc\u05d5\u05dd", "\u05e2\u05d5\u05dc\u05dd"
ALEF, BEH, LAM, MEEM = "\u0627", "\u0628", "\u0644", "\u0645"
FATHA = "\u064e"


def test_text_from_left_to_right_stays_as_it_is() -> None:
    assert visual_order("Review (12:30) \u2013 done") == "Review (12:30) \u2013 done"


@pytest.mark.parametrize(
    ("typed", "drawn"),
    [
        (SHALOM, SHALOM[::-1]),
        (f"{SHALOM} {OLAM}", f"{OLAM[::-1]} {SHALOM[::-1]}"),
        (f"a {SHALOM} {OLAM} b", f"a {OLAM[::-1]} {SHALOM[::-1]} b"),
        (f"{SHALOM} 12:30", f"12:30 {SHALOM[::-1]}"),
        (f"{SHALOM} abc def", f"abc def {SHALOM[::-1]}"),
        (f"({SHALOM})", f"({SHALOM[::-1]})"),
        (f"a, {SHALOM}.", f"a, {SHALOM[::-1]}."),
        (f"{SHALOM}: 5%", f"5% :{SHALOM[::-1]}"),
    ],
    ids=["word", "words", "in a line", "number", "foreign words", "brackets", "stop", "percent"],
)
def test_hebrew_runs_from_right_to_left_and_numbers_do_not(typed: str, drawn: str) -> None:
    assert visual_order(typed) == drawn


def test_arabic_letters_join_by_their_place() -> None:
    initial, medial, final = "\ufe91", "\ufe92", "\ufe90"

    assert join_arabic(BEH * 3) == initial + medial + final
    assert visual_order(BEH * 3) == final + medial + initial
    # Alef joins the letter before it only.
    assert join_arabic(ALEF + BEH) == "\ufe8d\ufe8f"
    assert join_arabic(MEEM + LAM + ALEF) == "\ufee3\ufefc"


def test_a_mark_stays_with_its_letter() -> None:
    assert join_arabic(BEH + FATHA + BEH) == "\ufe91" + FATHA + "\ufe90"
    assert visual_order(BEH + FATHA + BEH) == "\ufe90" + "\ufe91" + FATHA
