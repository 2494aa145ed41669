"""External ids of rows that have none."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.external_ids import ExternalIds
from batch.rows import Deletion, Draft, Row
from tests.unit.batch.converting import CLOCKIFY, TOGGL, Write, convert

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
    ids = ExternalIds()
    for draft in drafts:
        ids.add(draft)
    ids.sort()
    return [ids.assign(draft).external_id for draft in drafts]


def by_content(drafts: list[Draft]) -> dict[Row | Deletion, Counter[str]]:
    found: dict[Row | Deletion, Counter[str]] = defaultdict(Counter)
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
def test_deletions_leave_the_ids_of_other_rows_alone(
    drafts: list[Draft], zeros: list[Draft]
) -> None:
    deletions = [replace(draft, row=Deletion("", deleted=True)) for draft in zeros]
    ids = ids_of([*deletions, *drafts])
    assert ids[len(deletions) :] == ids_of(drafts)
    assert len(set(ids)) == len(ids)


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


def test_a_reordered_file_gives_the_same_rows(write: Write) -> None:
    rows = convert(write("a.csv", TOGGL + "".join(ROWS)), "toggl").rows
    reordered = convert(write("b.csv", TOGGL + "".join(reversed(ROWS))), "toggl").rows
    assert len({row.external_id for row in rows}) == 4
    assert set(reordered) == set(rows)


def only_id(path: Path, file_format: str, **options: Any) -> str:
    (row,) = convert(path, file_format, **options).rows
    return row.external_id


ROW = "Ann,ann@x.test,Big,WEB,,x,No,2026-03-14,22:00:10,2026-03-14,23:00:00,01:00:00,,\n"


def test_the_spelling_of_dates_and_times_does_not_change_an_id(write: Write) -> None:
    other = "Ann,Ann@X.test,Big,WEB,,n,No,14/03/2026,10:00 PM,14/03/2026,11:00 PM,01:00:00,,\n"
    first = only_id(write("a.csv", TOGGL + ROW), "toggl")
    assert only_id(write("b.csv", TOGGL + other), "toggl") == first


def test_an_id_comes_from_the_mapped_person_and_project(write: Write) -> None:
    """Renaming a project or changing an address at the source does not change the entry's id."""
    first = only_id(write("a.csv", TOGGL + ROW), "toggl")
    renamed = ROW.replace("Big,WEB", "Bigger,Web site").replace("ann@x.test", "lee@x.test")
    maps = {"people": {"lee@x.test": "ann@x.test"}, "projects": {"Web site": "WEB"}}
    assert only_id(write("b.csv", TOGGL + renamed), "toggl", **maps) == first


def test_the_same_hours_have_the_same_id_in_every_format(write: Write) -> None:
    row = "WEB,Big,x,,Ann,,ann@x.test,,No,2026-03-14,22:00,2026-03-14,23:00,01:00,1.00,,\n"
    first = only_id(write("a.csv", TOGGL + ROW), "toggl")
    assert only_id(write("b.csv", CLOCKIFY + row), "clockify") == first


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("ann@x.test", "bo@x.test"),
        ("WEB", "SHOP"),
        ("2026-03-14", "2026-03-15"),
        ("22:00:10", "22:01:10"),
        ("WEB,,", "WEB,Build,"),
    ],
)
def test_another_person_project_day_start_or_task_is_another_entry(
    write: Write, before: str, after: str
) -> None:
    first = only_id(write("a.csv", TOGGL + ROW), "toggl")
    assert only_id(write("b.csv", TOGGL + ROW.replace(before, after)), "toggl") != first
