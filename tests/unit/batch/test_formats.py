"""Each format, from a file in its columns to the rows that are sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from batch.dates import DateOrder
from batch.errors import InvalidInput
from batch.rows import Remark
from tests.unit.batch.converting import CLOCKIFY, HARVEST, TOGGL, Write, convert


def test_clockify_with_12_hour_times_and_months_first(write: Write) -> None:
    path = write(
        "c.csv",
        CLOCKIFY + '"BIG-WEB","Big","Pairing","Build","Ann","","ann@x.test","","Yes","03/14/2026",'
        '"11:30:15 PM","03/14/2026","11:59:45 PM","00:29:30","0.49","1.00","2.00"\n',
    )
    found = convert(path, "clockify")
    (row,) = found.rows
    assert (row.person, row.date, row.project, row.minutes) == (
        "ann@x.test",
        "2026-03-14",
        "BIG-WEB",
        30,
    )
    assert (row.task, row.note, row.billable) == ("Build", "Pairing", True)
    assert found.counts.remarks[Remark.ROUNDED] == 1


def test_clockify_without_a_duration_column_counts_from_start_to_end(write: Write) -> None:
    path = write(
        "c.csv",
        '"Project","Description","Task","User","Group","Email","Start Date","Start Time",'
        '"End Date","End Time","Client"\n'
        '"WEB","late","","Ann","","ann@x.test","2026-03-14","10:23 PM",'
        '"2026-03-15","01:23:29 AM"\n',
    )
    found = convert(path, "clockify")
    assert [(row.minutes, row.date, row.billable) for row in found.rows] == [
        (180, "2026-03-14", None)
    ]
    assert found.counts.remarks[Remark.OVER_MIDNIGHT] == 1
    assert found.counts.remarks[Remark.SHORT] == 1


def test_an_entry_that_ends_at_midnight_is_not_over_midnight(write: Write) -> None:
    path = write(
        "t.csv",
        TOGGL + "A,a@x.test,,WEB,,,No,2026-03-14,23:00:00,2026-03-15,00:00:00,01:00:00,,\n",
    )
    assert convert(path, "toggl").counts.remarks[Remark.OVER_MIDNIGHT] == 0


def test_an_end_before_the_start_is_an_error(write: Write) -> None:
    path = write(
        "c.csv",
        "Project,User,Group,Email,Start Date,Start Time,End Time\n"
        "WEB,A,,a@x.test,2026-03-14,22:00,01:00\n",
    )
    ((line, field, message),) = convert(path, "clockify").failed
    assert (line, field) == (2, "minutes")
    assert "end is before the start" in message


CLOCKIFY_TYPES = "Project,User,Email,Start Date,Start Time,End Time,Duration (h),Type\n" + "".join(
    f"WEB,A,a@x.test,2026-03-04,09:00,{end},{duration},{kind}\n"
    for end, duration, kind in (
        *(("16:30", "07:30", "Regular"), ("09:45", "00:45", "Break")),
        *(("17:00", "08:00", "Time off"), ("17:00", "08:00", "Holiday")),
    )
)


def test_breaks_and_time_off_are_skipped_and_reported(write: Write) -> None:
    path = write("c.csv", CLOCKIFY_TYPES)
    found = convert(path, "clockify")
    assert [row.minutes for row in found.rows] == [450]
    assert found.skipped == [(3, "A break."), (4, "Time off."), (5, "A holiday.")]
    assert len(convert(path, "clockify", with_breaks=True).rows) == 4


@pytest.mark.parametrize("name", ["Activity", "Department"])
def test_the_renamed_task_column_of_clockify_is_found_by_its_place(write: Write, name: str) -> None:
    header = CLOCKIFY.replace('"Task"', f'"{name}"')
    path = write(
        "c.csv",
        header + "WEB,,x,Design,Ann,,a@x.test,,Yes,2026-03-05,9:00,2026-03-05,10:00,1:00,1,,\n",
    )
    found = convert(path, "clockify")
    assert [(row.task, row.note) for row in found.rows] == [("Design", "x")]
    assert f"The column {name} was read as task." in found.notes


def test_the_task_column_is_not_guessed_among_several(write: Write) -> None:
    header = CLOCKIFY.replace('"Task"', '"Activity","Cost centre"')
    row = "WEB,,x,Design,7,Ann,,a@x.test,,Yes,2026-03-05,9:00,2026-03-05,10:00,1:00,1,,\n"
    found = convert(write("c.csv", header + row), "clockify")
    assert [row.task for row in found.rows] == [None]
    assert any("not used: Activity, Cost centre, Group" in note for note in found.notes)


def test_columns_that_were_not_used_are_named(write: Write) -> None:
    path = write("t.csv", TOGGL)
    assert "Columns that were not used: Tags, Amount (EUR)." in convert(path, "toggl").notes


def test_harvest_with_decimal_commas_and_names_from_a_map(write: Write) -> None:
    path = write(
        "h.csv",
        HARVEST
        + '2026-03-04,Big,Website,,Dev,"said ""hi"", twice","1,5",No,No,No,Ann,Lee,,Yes,"1,0",'
        '"1,0","0,0","0,0",Euro - EUR,\n'
        "2026-03-04,Big,Shop,SHOP-1,Dev,,0.01,Yes,No,No,Ann,Lee,,Yes,1,1,0,0,Euro - EUR,\n",
    )
    found = convert(path, "harvest", people={"Ann Lee": "ann@x.test"}, projects={"Website": "WEB"})
    assert [(row.person, row.project, row.minutes, row.billable) for row in found.rows] == [
        ("ann@x.test", "WEB", 90, False),
        ("ann@x.test", "SHOP-1", 1, True),
    ]
    assert found.rows[0].note == 'said "hi", twice'


def test_toggl_with_a_byte_order_mark_and_an_emoji(write: Write) -> None:
    path = write(
        "t.csv",
        TOGGL
        + "Ann,ann@x.test,,WEB,,🔥 fire,No,2026-03-04,10:23:52,2026-03-04,10:23:52,00:00:00,x,\n"
        "Ann,ann@x.test,,WEB,T,🔥 fire,Yes,2026-03-04,10:00:00,2026-03-04,11:00:30,01:00:30,,1\n",
    )
    found = convert(path, "toggl")
    assert [(row.minutes, row.note, row.task) for row in found.rows] == [(61, "🔥 fire", "T")]
    assert found.skipped == [(2, "The duration is zero.")]


def test_newer_toggl_columns_are_known(write: Write) -> None:
    path = write(
        "t.csv",
        "Description,Duration,Member,Email,Project,Tags,Start date,Start time,Stop date,Stop time\n"
        "x,0:45:00,Ann,ann@x.test,WEB,-,2026-03-04,10:00,2026-03-04,10:45\n",
    )
    assert [row.minutes for row in convert(path, "toggl").rows] == [45]


def timed(write: Write, *cells: str) -> Path:
    """Rows of Toggl with the given date, start, end date, end and duration."""
    rows = "".join(f"A,a@x.test,,WEB,,,No,{each},,\n" for each in cells)
    return write("t.csv", TOGGL + rows)


def test_the_duration_formats_of_toggl_are_read(write: Write) -> None:
    day = "2026-03-04"
    found = convert(
        timed(
            write,
            f"{day},19:21:21,{day},19:39:46,18:25 min",
            f"{day},08:00:00,{day},08:47:24,0.79 h",
            f"{day},10:00:00,{day},11:05:03,1:05:03",
        ),
        "toggl",
    )
    assert [row.minutes for row in found.rows] == [18, 47, 65]
    assert found.counts.remarks[Remark.DURATION_DIFFERS] == 0


def test_minutes_and_seconds_that_look_like_hours_are_an_error(write: Write) -> None:
    """Somebody removed " min" by find and replace: 18 minutes would become 18 hours."""
    path = timed(write, "2026-03-03,19:21:21,2026-03-03,19:39:46,18:25")
    ((line, field, message),) = convert(path, "toggl").failed
    assert (line, field) == (2, "minutes")
    assert "write 18:25 min" in message


def test_a_duration_that_differs_from_start_and_end_is_a_warning(write: Write) -> None:
    path = timed(
        write,
        "2026-03-04,09:00:00,2026-03-04,10:00:00,00:58:00",
        "2026-03-04,09:00:00,2026-03-04,10:00:00,00:59:00",
    )
    found = convert(path, "toggl")
    assert [row.minutes for row in found.rows] == [58, 59]
    assert any("1 row (line 2) the duration differs" in note for note in found.notes)


def test_a_difference_of_an_hour_on_a_sunday_is_explained_by_the_clock_change(
    write: Write,
) -> None:
    path = timed(
        write,
        "2026-03-29,01:00:00,2026-03-29,04:00:00,02:00:00",
        "2026-03-28,23:00:00,2026-03-29,06:00:00,06:00:00",
        "2026-03-27,01:00:00,2026-03-27,04:00:00,02:00:00",
        "2026-10-25,01:00:00,2026-10-25,04:00:00,",
    )
    found = convert(path, "toggl")
    assert [row.minutes for row in found.rows] == [120, 360, 120, 180]
    notes = " ".join(found.notes)
    assert "2 rows (lines 2, 3) the duration differs by one hour" in notes
    assert "1 row (line 4) the duration differs by more than a minute" in notes
    assert "1 row (line 5) there is no duration" in notes


def test_a_running_timer_is_skipped(write: Write) -> None:
    found = convert(
        timed(write, "2026-03-04,10:00:00,,,", "2026-03-04,10:00:00,2026-03-04,11:00:00,01:00:00"),
        "toggl",
    )
    assert found.skipped == [(2, "The timer is still running.")]
    assert (len(found.rows), found.failed, found.deleted) == (1, [], [])


def test_less_than_half_a_minute_is_skipped(write: Write) -> None:
    path = write(
        "t.csv", TOGGL + "A,a@x.test,,,,,No,2026-03-04,10:00:00,2026-03-04,10:00:29,00:00:29,,\n"
    )
    found = convert(path, "toggl")
    assert found.rows == []
    assert found.skipped == [(2, "Shorter than half a minute.")]
    assert found.failed == []


def test_a_row_that_was_set_to_zero_removes_its_entry(write: Write) -> None:
    day = "2026-03-04"
    before = convert(timed(write, f"{day},09:00,{day},11:00,2:00"), "toggl")
    after = convert(timed(write, f"{day},09:00,{day},09:00,0:00"), "toggl")
    assert after.rows == []
    assert after.deleted == [before.rows[0].external_id]


def test_errors_name_the_remedy(write: Write) -> None:
    path = write(
        "h.csv",
        HARVEST
        + "2026-02-30,,A name of a project,,,,x,Maybe,No,No,Ann,Lee,,Yes,,,,,,\n"
        + "2026-02-03,,,,,,1,Yes,No,No,,,,Yes,,,,,,\n",
    )
    found = convert(path, "harvest").failed
    assert [(line, field) for line, field, _ in found] == [
        *((2, "date"), (2, "person"), (2, "project"), (2, "minutes")),
        *((3, "person"), (3, "project")),
    ]
    messages = " ".join(message for _, _, message in found)
    for part in ("--people", "--project-map", "February 2026 has 28 days", "not a duration"):
        assert part in messages


@pytest.mark.parametrize(
    ("dates", "first"),
    [
        (("03/04/2026", "03/14/2026"), "2026-03-04"),
        (("03/04/2026", "14/03/2026"), "2026-04-03"),
        (("03.04.2026", "04.04.2026"), "2026-04-03"),
        (("2026-04-03", "2026/04/04"), "2026-04-03"),
        (("04/04/2026", "05/05/2026"), "2026-04-04"),
        (("03/04/2026", "13/15/2026", "14/03/2026"), "2026-04-03"),
    ],
)
def test_the_order_of_day_and_month_is_inferred_from_the_whole_file(
    write: Write, dates: tuple[str, ...], first: str
) -> None:
    assert convert(toggl_on(write, *dates), "toggl").rows[0].date == first


def toggl_on(write: Write, *dates: str) -> Path:
    rows = (f"A,a@x.test,,WEB,,,No,{day},9:00,{day},10:00,1:00,,\n" for day in dates)
    return write("t.csv", TOGGL + "".join(rows))


def test_an_ambiguous_file_asks_for_the_order(write: Write) -> None:
    path = toggl_on(write, "03/04/2026", "05/06/2026")
    with pytest.raises(
        InvalidInput, match=r"03/04/2026 in line 2.*mdy if it is 4 March 2026, --date-order dmy if"
    ):
        convert(path, "toggl")
    found = convert(path, "toggl", order=DateOrder.DAY_FIRST)
    assert [row.date for row in found.rows] == ["2026-04-03", "2026-06-05"]


def test_dates_that_contradict_each_other_are_reported(write: Write) -> None:
    path = toggl_on(write, "13/04/2026", "04/13/2026")
    with pytest.raises(InvalidInput, match="Line 2 has 13/04/2026, line 3 has 04/13/2026"):
        convert(path, "toggl")
    found = convert(path, "toggl", order=DateOrder.MONTH_FIRST)
    assert [(line, field) for line, field, _ in found.failed] == [(2, "date"), (2, "end date")]


@pytest.mark.parametrize("day", ["13/15/2026", "00/05/2026", "05/00/2026"])
def test_an_impossible_date_fails_its_row_and_not_the_file(write: Write, day: str) -> None:
    found = convert(toggl_on(write, day), "toggl")
    assert [(line, field) for line, field, _ in found.failed] == [(2, "date"), (2, "end date")]
    assert all("is not a date" in message for _, _, message in found.failed)


def test_json_lines_in_our_columns(write: Write) -> None:
    rows = [
        '{"external_id": "x", "person": "a@x.test", "date": "2026-11-23", "project": "WEB", '
        '"hours": 1.5, "billable": true, "task": null}',
        "",
        '{"person": "a@x.test", "date": "2026-11-23", "project": "WEB", "hours": "1:30"}',
        "{not json",
        '{"person": "a@x.test", "date": "20261123", "project": "WEB", "minutes": 1.5, "x": 1}',
        '{"person": ["a"]}',
        '{"minutes": 1, "minutes": 2}',
        '{"external_id": "y", "deleted": true}',
        '{"deleted": true}',
    ]
    found = convert(write("h.ndjson", "\n".join(rows)), "ours")
    assert [(row.external_id[:1], row.minutes, row.billable) for row in found.rows] == [
        ("x", 90, True),
        ("a", 90, None),
    ]
    assert found.deleted == ["y"]
    assert [(line, field) for line, field, _ in found.failed] == [
        *((4, "row"), (5, "x"), (5, "date"), (5, "minutes"), (6, "person"), (7, "minutes")),
        (9, "external_id"),
    ]


def test_deleted_rows_of_csv_need_nothing_but_the_id(write: Write) -> None:
    found = convert(write("d.csv", "external_id,deleted\na1,true\na2,yes\n"), "ours")
    assert (found.deleted, found.rows, found.failed) == (["a1", "a2"], [], [])


def test_minutes_and_hours_must_agree(write: Write) -> None:
    head = "external_id,person,date,project,minutes,hours\n"
    good = "b1,a@x.test,2026-03-18,WEB,90,1.5\nb2,a@x.test,2026-03-18,WEB,90.0,\n"
    found = convert(write("m.csv", f"{head}{good}b3,a@x.test,2026-03-18,WEB,90,1.4\n"), "ours")
    assert [row.minutes for row in found.rows] == [90, 90]
    assert found.failed == [(4, "minutes", "90 minutes and 1.4 hours differ.")]


def test_a_misspelt_column_of_ours_is_an_error(write: Write) -> None:
    path = write("h.csv", "person,date,project,minutes,bilable\n")
    with pytest.raises(InvalidInput, match="no column 'bilable'"):
        convert(path, "ours")
