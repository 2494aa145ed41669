"""The results of measurements, as they are stored and shown."""

import json
from pathlib import Path

from bench.results import at_least, at_most, read_results, reported, table, write_results

FAST = at_least("list", 0.7449, 0.7, "times", "the floor")
SLOW = at_most("start", 1.25, 1, "s", "five starts")
BARE = reported("rate", 2345.6, "a second", "wrk")


def test_a_result_holds_when_it_reaches_its_target() -> None:
    assert (FAST.holds, SLOW.holds, BARE.holds) == (True, False, None)
    assert at_most("start", 1, 1, "s", "").holds


def test_what_is_stored_is_a_plain_list(tmp_path: Path) -> None:
    write_results([FAST], tmp_path / "results" / "latest.json", keep_others=False)
    assert json.loads((tmp_path / "results" / "latest.json").read_text()) == [
        {
            "case": "list",
            "value": 0.745,
            "target": 0.7,
            "unit": "times",
            "holds": True,
            "against": "the floor",
        }
    ]


def test_cases_that_were_not_measured_again_keep_their_results(tmp_path: Path) -> None:
    path = tmp_path / "latest.json"
    write_results([FAST, SLOW], path, keep_others=False)
    again = at_most("start", 0.5, 1, "s", "five starts")
    write_results([again], path, keep_others=True)
    assert read_results(path) == [FAST, again]
    write_results([BARE], path, keep_others=False)
    assert read_results(path) == [BARE]


def test_the_table_says_what_was_missed() -> None:
    _, _, fast, slow, bare = table([FAST, SLOW, BARE]).splitlines()
    assert fast == "| list | 0.745 times | 0.7 ✓ | the floor |"
    assert slow == "| start | 1.25 s | 1 ✗ missed | five starts |"
    assert bare == "| rate | 2,350 a second |  | wrk |"
