"""Corrections at the source that --complete follows: an export, the same one after the correction,
and the minutes that are right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from batch.dates import DateRange
from batch.errors import ExitCode
from batch.options import Mode
from tests.e2e.agency import Agency

TOGGL = (
    "User,Email,Client,Project,Task,Description,Billable,Start date,Start time,End date,End time,"
    "Duration,Tags\n"
)
CLOCKIFY = (
    "Project,Client,Description,Task,User,Group,Email,Tags,Billable,Start Date,Start Time,"
    "End Date,End Time,Duration (h),Duration (decimal)\n"
)
HARVEST = "Date,Client,Project,Project Code,Task,Notes,Hours,Billable?,First Name,Last Name,Email\n"
DAYS = DateRange.parse("2026-11-16..2026-11-22")
MONDAY, TUESDAY = "2026-11-16", "2026-11-17"


def toggl(
    start: str = "09:00:00",
    end: str = "11:00:00",
    duration: str = "02:00:00",
    *,
    project: str = "APOLLO",
    day: str = MONDAY,
    note: str = "x",
) -> str:
    return (
        f"Erin,erin@exampleco.com,Big,{project},,{note},No,{day},{start},{day},{end},{duration},\n"
    )


def clockify(
    duration: str = "01:00:00",
    *,
    task: str = "",
    email: str = "erin@exampleco.com",
    end: str = "10:00:00",
    day: str = MONDAY,
) -> str:
    return f"APOLLO,Big,x,{task},Erin,,{email},,No,{day},09:00:00,{day},{end},{duration},1.00\n"


def harvest(hours: int, note: str) -> str:
    return f"{MONDAY},Big,APOLLO,,Dev,{note},{hours},No,Erin,Example,erin@exampleco.com\n"


HOUR = {"end": "10:00:00", "duration": "01:00:00"}
WEEK = [f"2026-11-{day}" for day in range(16, 21)]


@dataclass(frozen=True)
class Correction:
    """`minutes` before and after. `changed` counts created, updated and removed entries. `maps` has
    the text of the tables by option."""

    before: tuple[str, str]
    after: tuple[str, str]
    minutes: tuple[int, int]
    changed: tuple[int, int, int]
    maps: Mapping[str, str] = field(default_factory=dict)


CORRECTIONS = {
    "the start was corrected": Correction(
        ("toggl", toggl()),
        ("toggl", toggl("09:05:00", "11:05:00")),
        (120, 120),
        (1, 0, 1),
    ),
    "the project was renamed": Correction(
        ("toggl", toggl(**HOUR, project="Web")),
        ("toggl", toggl(**HOUR, project="Website")),
        (60, 60),
        (0, 0, 0),
        {"projects": "project,code\nWeb,APOLLO\nWebsite,APOLLO\n"},
    ),
    "the entry was moved to another project": Correction(
        ("toggl", toggl(**HOUR)),
        ("toggl", toggl(**HOUR, project="ZEUS")),
        (60, 60),
        (1, 0, 1),
    ),
    "a task was added": Correction(
        ("clockify", clockify()),
        ("clockify", clockify(task="Design")),
        (60, 60),
        (1, 0, 1),
    ),
    "a colleague in another time zone exported the week": Correction(
        ("toggl", "".join(toggl("09:00", "17:00", "8:00", day=day) for day in WEEK)),
        ("toggl", "".join(toggl("03:00", "11:00", "8:00", day=day) for day in WEEK)),
        (2400, 2400),
        (5, 0, 5),
    ),
    "the date was corrected": Correction(
        ("toggl", toggl(**HOUR)),
        ("toggl", toggl(**HOUR, day=TUESDAY)),
        (60, 60),
        (1, 0, 1),
    ),
    "the e-mail address was changed": Correction(
        ("clockify", clockify(email="e@agency.example")),
        ("clockify", clockify(email="erin@agency.example")),
        (60, 60),
        (0, 0, 0),
        {
            "people": "name,person\ne@agency.example,erin@exampleco.com\n"
            "erin@agency.example,erin@exampleco.com\n"
        },
    ),
    "the same hours came from another tool": Correction(
        ("toggl", toggl()),
        ("clockify", clockify("02:00:00", end="11:00:00")),
        (120, 120),
        (0, 0, 0),
    ),
    "the entry was set to zero": Correction(
        ("clockify", clockify("02:00:00", end="11:00:00")),
        ("clockify", clockify("00:00:00", end="09:00:00")),
        (120, 0),
        (0, 0, 1),
    ),
    "only a row without working time is left": Correction(
        ("toggl", toggl() + toggl("13:00:00", "14:00:00", "01:00:00")),
        ("toggl", toggl("15:00:00", "15:00:00", "00:00:00")),
        (180, 0),
        (0, 0, 2),
    ),
    "one of two entries of a day was deleted": Correction(
        ("harvest", harvest(1, "A") + harvest(2, "B")),
        ("harvest", harvest(2, "B")),
        (180, 120),
        (0, 1, 1),
    ),
    "minutes and note were corrected": Correction(
        ("toggl", toggl() + toggl("13:00:00", "14:00:00", "01:00:00")),
        (
            "toggl",
            toggl(duration="01:45:00", end="10:45:00", note="y")
            + toggl("13:00:00", "14:00:00", "01:00:00"),
        ),
        (180, 165),
        (0, 1, 0),
    ),
    "the rows came in another order": Correction(
        ("toggl", toggl() + toggl("13:00:00", "14:00:00", "01:00:00")),
        ("toggl", toggl("13:00:00", "14:00:00", "01:00:00") + toggl()),
        (180, 180),
        (0, 0, 0),
    ),
}
HEADERS = {"toggl": TOGGL, "clockify": CLOCKIFY, "harvest": HARVEST}


@pytest.mark.parametrize("name", CORRECTIONS)
async def test_a_complete_upload_follows_a_correction(agency: Agency, name: str) -> None:
    case = CORRECTIONS[name]
    maps = {option: agency.write(f"{option}.csv", table) for option, table in case.maps.items()}

    async def upload(export: tuple[str, str], mode: Mode = Mode.UPLOAD) -> tuple[int, ...]:
        file_format, rows = export
        path = agency.write("export.csv", HEADERS[file_format] + rows)
        summary = await agency.run(path, file_format, complete=DAYS, mode=mode, **maps)
        assert summary.exit_code is ExitCode.OK, summary.failed_rows.kept
        report = summary.report
        assert report is not None
        assert len(summary.removed) == report.removed
        return report.created, report.updated, report.removed

    await upload(case.before)
    assert await agency.minutes() == case.minutes[0]
    assert await upload(case.after, Mode.DRY_RUN) == case.changed
    assert await agency.minutes() == case.minutes[0]
    assert await upload(case.after) == case.changed
    assert await agency.minutes() == case.minutes[1]
    assert await upload(case.after) == (0, 0, 0)
    assert await agency.minutes() == case.minutes[1]
