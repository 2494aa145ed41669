"""Ids that the file does not give."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from batch.identity import Identities
from batch.rows import Draft, Row
from tests.unit.batch.test_formats import TOGGL, convert

DRAFTS = st.lists(
    st.builds(
        lambda identity, minutes, note: Draft(
            1,
            Row("", "a@x.test", "2026-11-23", identity, minutes, note=note),
            ("a@x.test", identity),
        ),
        identity=st.sampled_from(["A", "B", "C"]),
        minutes=st.integers(1, 3),
        note=st.sampled_from(["", "x"]),
    ),
    max_size=12,
)


def ids_of(drafts: list[Draft]) -> list[str]:
    identities = Identities("toggl")
    for draft in drafts:
        identities.add(draft)
    identities.sort()
    return [identities.identified(draft).external_id for draft in drafts]


def by_content(drafts: list[Draft]) -> dict[Row, Counter[str]]:
    found: dict[Row, Counter[str]] = defaultdict(Counter)
    for draft, external_id in zip(drafts, ids_of(drafts), strict=True):
        found[draft.row][external_id] += 1
    return found


@given(DRAFTS, st.randoms(use_true_random=False))
def test_reordering_rows_keeps_the_id_of_each(drafts: list[Draft], random: object) -> None:
    shuffled = list(drafts)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis's Random has no type
    assert by_content(shuffled) == by_content(drafts)


@given(DRAFTS)
def test_no_two_rows_share_an_id_though_they_are_equal(drafts: list[Draft]) -> None:
    assert len(set(ids_of(drafts))) == len(drafts)


@given(DRAFTS.filter(bool), st.integers(4, 9))
def test_a_corrected_row_leaves_no_old_entry_behind(drafts: list[Draft], minutes: int) -> None:
    first, *others = drafts
    corrected = replace(first, row=msgspec.structs.replace(first.row, minutes=minutes))
    assert set(ids_of([corrected, *others])) == set(ids_of(drafts))


@given(DRAFTS, DRAFTS)
def test_rows_that_are_added_keep_the_ids_that_are_there(
    drafts: list[Draft], added: list[Draft]
) -> None:
    assert set(ids_of(drafts)) <= set(ids_of([*drafts, *added]))


ROWS = [
    "Ann,ann@x.test,Big,WEB,,pairing,No,2026-03-04,10:00:00,2026-03-04,11:00:00,01:00:00,,\n",
    "Ann,ann@x.test,Big,WEB,,pairing,No,2026-03-04,10:00:00,2026-03-04,11:00:00,01:00:00,,\n",
    "Ann,ann@x.test,Big,WEB,,alone,No,2026-03-04,10:00:00,2026-03-04,10:30:00,00:30:00,,\n",
    "Bo,bo@x.test,Big,WEB,,pairing,No,2026-03-04,10:00:00,2026-03-04,11:00:00,01:00:00,,\n",
]


def test_a_reordered_file_gives_the_same_rows(write: Callable[[str, str], Path]) -> None:
    rows = convert(write("a.csv", TOGGL + "".join(ROWS)), "toggl").rows
    reordered = convert(write("b.csv", TOGGL + "".join(reversed(ROWS))), "toggl").rows
    assert len({row.external_id for row in rows}) == 4
    assert set(reordered) == set(rows)


def test_how_dates_and_clocks_are_written_does_not_change_an_id(
    write: Callable[[str, str], Path],
) -> None:
    other = (
        "Ann,Ann@X.test,Big,WEB,,renamed,No,14/03/2026,10:00 PM,14/03/2026,11:00 PM,01:00:00,,\n"
    )
    row = "Ann,ann@x.test,Big,WEB,,x,No,2026-03-14,22:00:10,2026-03-14,23:00:00,01:00:00,,\n"
    (first,) = convert(write("a.csv", TOGGL + row), "toggl").rows
    (second,) = convert(write("b.csv", TOGGL + other), "toggl").rows
    assert first.external_id == second.external_id
