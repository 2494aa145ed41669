"""The sample company: people, projects and the programs that may call. Data only."""

from dataclasses import dataclass
from enum import StrEnum

AUDIENCE = "https://api.exampleco.com/timesheets"
CLAIMS = "https://api.exampleco.com/"


class Role(StrEnum):
    """The roles of the tenant."""

    EMPLOYEE = "Employee"
    CONTRACTOR = "Contractor"
    MANAGER = "Manager"
    ADMINISTRATOR = "Administrator"
    AUDITOR = "Auditor"


OWN_TIME = frozenset({"read:timesheets", "create:timesheets", "delete:timesheets"})
MANAGING = OWN_TIME | {"approve:timesheets", "read:people"}
AUDITING = frozenset({"read:audit", "read:reports", "read:people"})
ADMINISTERING = MANAGING | AUDITING | {"manage:timesheets", "manage:people", "read:events"}

PERMISSIONS = {
    Role.EMPLOYEE: OWN_TIME,
    Role.CONTRACTOR: OWN_TIME,
    Role.MANAGER: MANAGING,
    Role.ADMINISTRATOR: ADMINISTERING,
    Role.AUDITOR: AUDITING,
}
SCOPES = ADMINISTERING | {"batch:upload"}


@dataclass(frozen=True, slots=True)
class Person:
    """A person of the sample company."""

    key: str
    name: str
    role: Role
    manager: str | None
    employer: str = "ExampleCo"
    weekly_minutes: int = 40 * 60
    uploaders: tuple[str, ...] = ()

    @property
    def sub(self) -> str:
        """The subject of the person's tokens."""
        return f"auth0|{self.key}"

    @property
    def email(self) -> str:
        """The address that the person signs in with."""
        domain = "exampleco.com" if self.employer == "ExampleCo" else "contractors.example"
        return f"{self.key}@{domain}"

    @property
    def kind(self) -> str:
        """The kind of person, as the API names it."""
        return "contractor" if self.role is Role.CONTRACTOR else "employee"


@dataclass(frozen=True, slots=True)
class Machine:
    """A program that calls in its own name."""

    client_id: str
    purpose: str
    permissions: frozenset[str]


@dataclass(frozen=True, slots=True)
class App:
    """A program that people sign in with. One that ships to them keeps no secret."""

    client_id: str
    name: str
    callbacks: tuple[str, ...]
    logout_urls: tuple[str, ...]
    is_confidential: bool = False


@dataclass(frozen=True, slots=True)
class Project:
    """A project of the sample company."""

    code: str
    name: str
    customer: str
    billable: bool = True


@dataclass(frozen=True, slots=True)
class Delegation:
    """`person` stands in for `manager` from today on."""

    manager: str
    person: str
    days: int


NIGHTLY_UPLOAD = "batch-nightly"
DOCS_CLIENT = "timesheets-docs"
PORTAL_CLIENT = "timesheets-portal"

# A manager comes before those who report to them: so the directory takes them one by one.
PEOPLE = (
    # Maya has no manager: her weeks wait for an administrator.
    Person("maya", "Maya Manager", Role.MANAGER, manager=None),
    Person("ada", "Ada Administrator", Role.ADMINISTRATOR, manager="maya"),
    Person("marco", "Marco Manager", Role.MANAGER, manager="maya"),
    Person("erin", "Erin Employee", Role.EMPLOYEE, manager="maya"),
    Person("emil", "Emil Employee", Role.EMPLOYEE, manager="maya"),
    Person("elena", "Elena Employee", Role.EMPLOYEE, manager="maya", weekly_minutes=32 * 60),
    Person("ethan", "Ethan Employee", Role.EMPLOYEE, manager="marco"),
    Person("ella", "Ella Employee", Role.EMPLOYEE, manager="marco", weekly_minutes=20 * 60),
    Person("carl", "Carl Contractor", Role.CONTRACTOR, manager="maya", employer="Carl Codes"),
    Person(
        "chloe",
        "Chloe Contractor",
        Role.CONTRACTOR,
        manager="marco",
        employer="Northern Staffing",
        uploaders=(NIGHTLY_UPLOAD,),
    ),
    Person(
        "cem",
        "Cem Contractor",
        Role.CONTRACTOR,
        manager="marco",
        employer="Northern Staffing",
        uploaders=(NIGHTLY_UPLOAD,),
    ),
    Person(
        "clara",
        "Clara Contractor",
        Role.CONTRACTOR,
        manager="marco",
        employer="Clara Consulting",
        weekly_minutes=24 * 60,
    ),
)

# Maya looks after Marco's team too while he is away.
DELEGATIONS = (Delegation(manager="marco", person="maya", days=28),)

PROJECTS = (
    Project("BIG-WEB", "Website relaunch", "Big Company"),
    Project("BIG-SHOP", "Web shop", "Big Company"),
    Project("NORTH-ERP", "ERP roll-out", "Northern Railways"),
    Project("NORTH-SUP", "Support", "Northern Railways"),
    Project("CITY-APP", "Citizens' app", "City of Example"),
    Project("CITY-DATA", "Open data portal", "City of Example"),
    Project("INT-OPS", "Operations", "ExampleCo", billable=False),
    Project("INT-LEARN", "Learning", "ExampleCo", billable=False),
)

SERVICES = ("entries", "approvals", "profile")

MACHINES = (
    Machine(NIGHTLY_UPLOAD, "uploads hours every night", frozenset({"batch:upload"})),
    Machine("partner-payroll", "pays contractors", frozenset({"read:reports", "read:events"})),
    *(
        Machine(f"service-{name}", f"lets {name} follow the others", frozenset({"read:events"}))
        for name in SERVICES
    ),
)

# The port of a loopback address is free, as RFC 8252 section 7.3 wants it.
APPS = (
    App(
        "timesheets-app",
        "ExampleCo Timesheets",
        callbacks=(
            "http://127.0.0.1/callback",
            "http://[::1]/callback",
            "http://localhost/callback",
            "com.exampleco.timesheets://callback",
            "com.exampleco.timesheets:/callback",
        ),
        logout_urls=(
            "http://127.0.0.1/signed-out",
            "http://[::1]/signed-out",
            "http://localhost/signed-out",
            "com.exampleco.timesheets://signed-out",
            "com.exampleco.timesheets:/signed-out",
        ),
    ),
    App(
        PORTAL_CLIENT,
        "ExampleCo Timesheets",
        callbacks=("http://127.0.0.1/auth/callback", "http://localhost/auth/callback"),
        logout_urls=("http://127.0.0.1/auth/signed-out", "http://localhost/auth/signed-out"),
        is_confidential=True,
    ),
    # The API pages sign in from the browser: a public client with PKCE.
    App(
        DOCS_CLIENT,
        "ExampleCo Timesheets API pages",
        callbacks=tuple(
            f"http://127.0.0.1/v1/{service}/docs/static/oauth2-redirect.html"
            for service in SERVICES
        ),
        logout_urls=(),
    ),
)


def person_named(key: str) -> Person | None:
    """The person with this key, if there is one."""
    return next((person for person in PEOPLE if person.key == key), None)


def machine_named(client_id: str) -> Machine | None:
    """The machine with this client id, if there is one."""
    return next((machine for machine in MACHINES if machine.client_id == client_id), None)
