"""The requests of `bench.growth`: every GET but exports, feeds and what needs no database."""

from __future__ import annotations

from dataclasses import dataclass

MANY = "from=2026-11-16&to=2026-11-22"
WEEK = "2026-W47"
YEAR = "from=2026-01-01&to=2026-12-31"
MONTH = "from=2026-10-01&to=2026-10-31"


@dataclass(frozen=True, slots=True)
class Request:
    """`{person}` and `{sample}` of the path are somebody's sub and something of theirs.

    `within` are the milliseconds it may take; `grows`: with the rows of the answer or, as manager
    of many, with the team, which is half of a small company.
    """

    name: str
    service: str
    path: str
    caller: str = "person"
    within: float | None = None
    grows: bool = False


TOTALS, LIST = 50.0, 10.0
ADMIN, MACHINE = "administrator", "machine"
BOSS, BOSS_OF_MANY = "manager", "manager of many"

ENTRIES = (
    *(
        Request(name, "entries", path)
        for name, path in (
            ("entries of a week", f"/v1/entries?{MANY}"),
            ("entries, newest first", "/v1/entries?limit=50"),
            ("an entry", "/v1/entries/{sample}"),
            ("rules", "/v1/entries/rules"),
            ("weeks of a person", "/v1/timesheets"),
            ("a week with entries and history", f"/v1/timesheets/{WEEK}"),
            ("calendar of a month", f"/v1/calendar?{MONTH}"),
            ("absences", f"/v1/absences?{YEAR}"),
            ("holidays", f"/v1/holidays?{YEAR}"),
            ("projects", "/v1/projects"),
            ("a project", "/v1/projects/P7"),
            ("period", "/v1/period"),
        )
    ),
    Request("changes of entries", "entries", "/v1/changes/entries", ADMIN),
    *(
        Request(name, "entries", path, MACHINE)
        for name, path in (
            ("batches", "/v1/batches"),
            ("weeks of everybody, a page", f"/v1/reports/weeks?{MONTH}&limit=50"),
            ("who has not submitted, a page", f"/v1/reports/missing?week={WEEK}&limit=50"),
            ("totals of a month by project", f"/v1/reports/totals?{MONTH}&group_by=project"),
        )
    ),
    *(
        Request(
            f"totals of a year by {column}",
            "entries",
            f"/v1/reports/totals?{YEAR}&group_by={column}",
            MACHINE,
            TOTALS,
            grows=True,
        )
        for column in (
            *("project", "customer", "month", "week", "employer", "task", "billable"),
            *("project,task", "employer,task", "customer,month", "project,person"),
        )
    ),
)
APPROVALS = tuple(
    Request(f"{name} as {caller}", "approvals", path, caller, within, caller == BOSS_OF_MANY)
    for caller, within in ((ADMIN, LIST), (BOSS, LIST), (BOSS_OF_MANY, LIST))
    for name, path in (
        ("approvals", "/v1/approvals"),
        ("pending approvals", "/v1/approvals?state=pending"),
        ("approved approvals", "/v1/approvals?state=approved"),
        ("rejected approvals (none)", "/v1/approvals?state=rejected"),
        ("approvals off target", "/v1/approvals?flags=off_target"),
        ("approvals of a rare flag (none)", "/v1/approvals?flags=holiday"),
        ("approvals without flags", "/v1/approvals?flags=none"),
        ("pending approvals off target", "/v1/approvals?state=pending&flags=off_target"),
        ("pending approvals of a rare flag (none)", "/v1/approvals?state=pending&flags=holiday"),
        ("approvals of a person", "/v1/approvals?person={person}"),
        ("approvals of a week", f"/v1/approvals?week={WEEK}"),
        *(
            (f"approvals by role {role}", f"/v1/approvals?why={role}")
            for role in ("manager", "delegate", "administrator", "unassigned")
        ),
        ("pending approvals by role manager", "/v1/approvals?state=pending&why=manager"),
        ("pending approvals without manager", "/v1/approvals?state=pending&why=unassigned"),
        ("overdue weeks", "/v1/approvals/overdue?limit=50"),
    )
) + tuple(
    Request(name, "approvals", path, ADMIN)
    for name, path in (
        ("an approval", "/v1/approvals/{sample}"),
        ("history of an approval", "/v1/approvals/{sample}/history"),
        ("changes of approvals", "/v1/changes/approvals"),
    )
)
PROFILE = tuple(
    Request(name, "profile", path, ADMIN, within)
    for name, path, within in (
        ("people", "/v1/people?limit=50", LIST),
        ("people by a name", "/v1/people?q=grete", LIST),
        ("people by a name nobody has", "/v1/people?q=nobody", LIST),
        ("people by e-mail", "/v1/people?q=person7%40exampleco.com", LIST),
        ("a person", "/v1/people/{person}", None),
        ("contracts of a person", "/v1/people/{person}/contracts", None),
        ("changes of profile", "/v1/changes/profile", None),
    )
)
REQUESTS = (*ENTRIES, *APPROVALS, *PROFILE)
