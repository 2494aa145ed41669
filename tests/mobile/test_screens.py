"""The real widgets, driven without a display."""

from __future__ import annotations

from typing import Any

import pytest

from tests.mobile.offscreen import ROOT, run_offscreen, what_is_missing

# Graphics by software, on whatever else the machine is busy with.
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    if missing := what_is_missing():
        pytest.skip(missing)
    found, _log = run_offscreen("tests.mobile.drive", tmp_path_factory.mktemp("kivy"))
    return found


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    if missing := what_is_missing():
        pytest.skip(missing)
    home = tmp_path_factory.mktemp("kivy")
    # Two ways of the walk, and seven sizes, languages and looks.
    found, _log = run_offscreen("tests.mobile.drive", home, redrawn=9, LOOK_CLOSELY="1")
    return found


def test_two_taps_and_save_log_an_entry(seen: dict[str, Any]) -> None:
    assert seen["window"] == [412, 915]
    assert seen["entry"]["added"] == 1
    assert seen["entry"]["cards"] == 3


@pytest.mark.slow
def test_what_people_use_most_can_be_hit_and_read(drawn: dict[str, Any]) -> None:
    """Targets of 48 dp, no word cut or over another, contrast of 4.5 to 1 as drawn."""
    assert drawn["legibility"] == {"en 1.0 light": [], "de 1.3 dark": []}


def test_the_week_is_there_at_once_with_2000_entries_in_store(seen: dict[str, Any]) -> None:
    assert seen["start_seconds"] < 2.0


def test_no_tap_waits_for_a_network_that_hangs(seen: dict[str, Any]) -> None:
    assert seen["hanging"]["asked"] >= 1
    assert seen["hanging"]["added"] == 1
    assert seen["hanging"]["slowest_ms"] < 30_000  # an answer takes a minute


@pytest.mark.slow
def test_the_longest_list_scrolls_smoothly(drawn: dict[str, Any]) -> None:
    # 33 on two quiet cores; here other tests run beside.
    assert drawn["frame_p99_ms"] < 100


def test_approvals_vanish_with_the_scope(seen: dict[str, Any]) -> None:
    assert seen["tabs"] == ["week", "timer", "approvals", "profile"]
    assert seen["tabs_without_scope"] == ["week", "timer", "profile"]
    assert seen["tab_after"] == "week"


def test_the_week_is_swiped_forth_and_back(seen: dict[str, Any]) -> None:
    assert seen["gestures"]["weeks"] == ["2026-W48", "2026-W47"]


def test_a_list_is_pulled_down_for_news(seen: dict[str, Any]) -> None:
    assert seen["gestures"]["pulled"] == [False, True]


def test_an_entry_is_flicked_away_and_brought_back(seen: dict[str, Any]) -> None:
    assert seen["gestures"]["swiped"] == [3, 3, 2, 3]


def test_an_entry_that_is_held_is_copied_and_not_opened(seen: dict[str, Any]) -> None:
    assert seen["gestures"]["held"] == ["DaySheet", "DaySheet"]


def test_the_durations_stay_under_the_second_of_two_taps(seen: dict[str, Any]) -> None:
    at_first, *afterwards = seen["gestures"]["steady"]["places"]
    assert seen["gestures"]["steady"]["notes"] > 0
    assert len(afterwards) > 3
    assert [each for each in afterwards if each != at_first] == []


def test_what_is_typed_arrives_and_save_stays_above_the_keyboard(seen: dict[str, Any]) -> None:
    typed = seen["gestures"]["typed"]
    assert (typed["minutes"], typed["note"]) == (90, "what I did")
    assert typed["top"] < 0.55
    assert typed["save"]
    assert typed["mode"] == "pan"


def test_no_touch_goes_through_an_approval_to_the_list_below(seen: dict[str, Any]) -> None:
    assert seen["gestures"]["covered"]


def test_a_refresh_leaves_an_approver_where_they_read(seen: dict[str, Any]) -> None:
    before, after = seen["gestures"]["read_on"]
    assert after == before


def test_a_reason_that_is_held_is_copied(seen: dict[str, Any]) -> None:
    reason, copied = seen["gestures"]["copied"]
    assert "templates" in reason
    assert copied == reason


def test_a_part_of_a_note_is_selected_copied_and_cut(seen: dict[str, Any]) -> None:
    selected = seen["gestures"]["selected"]
    assert selected["held"] == "refunds"
    assert selected["offered"] == ["content-cut", "content-copy", "content-paste", "select-all"]
    assert selected["copied"] == selected["kept"] == "refunds"
    assert selected["dragged"] == "Review of refunds"
    assert selected["left"] == ""
    assert selected["offered_empty"] == ["content-paste"]


def test_nothing_of_a_selection_stays_when_its_sheet_closes(seen: dict[str, Any]) -> None:
    assert seen["gestures"]["selected"]["on_window"] == []


def test_hebrew_is_in_reading_order_until_it_is_typed_into(seen: dict[str, Any]) -> None:
    if not (ROOT / "mobile" / "data" / "fallback.ttf").exists():
        pytest.skip("every letter is the same box without the fallback font: make fonts")
    assert seen["gestures"]["hebrew"] == [True, False]


def test_a_sheet_is_pulled_away_by_its_handle(seen: dict[str, Any]) -> None:
    assert seen["gestures"]["sheet"] == [1, 0]


def test_the_timer_is_stopped_from_every_screen(seen: dict[str, Any]) -> None:
    sheet, duration = seen["gestures"]["timer"]
    assert sheet == "EntrySheet"
    assert duration


def test_one_press_repeats_an_entry_today_or_starts_its_timer(seen: dict[str, Any]) -> None:
    again = seen["gestures"]["again"]
    at_first, pressed, undone, by_keyboard, at_last = again["counts"]
    assert (pressed, undone, by_keyboard, at_last) == (
        at_first + 1,
        at_first,
        at_first + 1,
        at_first,
    )
    assert again["expected"] in again["made"]
    assert again["day"] == "0:00:00"
    assert min(again["size"]) >= 48
    assert again["timer"] == [True, again["timer_of"]]
    assert again["second"] == "week.timer_runs"


def test_what_else_can_be_done_with_an_entry_is_in_its_sheet(seen: dict[str, Any]) -> None:
    *lines, opened = seen["gestures"]["again"]["menu"]
    assert lines == ["Again today", "Start timer", "Copy to another day"]
    assert opened == "DaySheet"


def test_what_is_gone_from_the_screen_is_forgotten(seen: dict[str, Any]) -> None:
    assert seen["kept_texts"] <= 5


@pytest.mark.slow
def test_rows_have_the_height_of_the_text_size_that_is_set(drawn: dict[str, Any]) -> None:
    resized = drawn["resized"]
    usual, *others = (resized["heights"][each] for each in resized["heights"])
    assert all(usual.values())
    for screen, heights in usual.items():
        twice, again, _german, english = (each[screen] for each in others)
        assert twice[0] > 1.5 * heights[0]
        assert again == english == heights
    assert resized["faults"] == []


@pytest.mark.slow
def test_a_text_size_waits_until_what_is_typed_is_safe(drawn: dict[str, Any]) -> None:
    while_typing, then = drawn["resized"]["typed"][:3], drawn["resized"]["typed"][3:]
    assert while_typing == [1.0, "what I did", True]
    assert then == [1.5, "timer"]


@pytest.mark.slow
def test_projects_have_the_colours_of_the_look_that_is_set(drawn: dict[str, Any]) -> None:
    assert drawn["resized"]["foreign colours"] == {"week": [[], []], "approval": [[], []]}


def test_everything_is_reached_and_pressed_by_the_keyboard(seen: dict[str, Any]) -> None:
    keyboard = seen["gestures"]["keyboard"]
    assert keyboard["stops"] >= 15
    assert keyboard["weeks"] == ["2026-W47", "2026-W48"]
    assert (keyboard["opened"], keyboard["left"]) == ("EntrySheet", 0)


@pytest.mark.slow
def test_notes_in_other_scripts_are_not_boxes(drawn: dict[str, Any]) -> None:
    if drawn["boxes"] is None:
        pytest.skip("there is no fallback font: make fonts")
    assert len(drawn["boxes"]) == 7
    assert {script: found for script, found in drawn["boxes"].items() if found} == {}
