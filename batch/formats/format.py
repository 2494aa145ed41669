"""The parts of an input format, and the steps that all formats share."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from batch.dates import DateOrder, DateRange
from batch.durations import round_to_minutes
from batch.maps import PeopleMap, ProjectMap
from batch.rows import (
    Deletion,
    Draft,
    ParsedRow,
    Record,
    Remark,
    Row,
    RowParser,
    SkippedRow,
    parse_boolean,
)

MAX_TEXT = 10_000
"""Characters of a cell. The service limits notes itself; a much longer cell would make it reject
the whole file, because its rows have a maximum length."""


@dataclass(frozen=True, slots=True)
class Context:
    """The settings for parsing a row.

    `complete` is the range of a complete upload. `with_breaks` uploads breaks and time off as
    work.
    """

    people: PeopleMap
    projects: ProjectMap
    order: DateOrder | None = None
    complete: DateRange | None = None
    with_breaks: bool = False


def nothing_ignored(_columns: Iterable[str]) -> frozenset[str]:
    """Each column has a meaning or is an error."""
    return frozenset()


def no_aliases(_columns: tuple[str, ...]) -> dict[str, str]:
    """The format has one name for each column."""
    return {}


@dataclass(frozen=True, slots=True)
class Format:
    """An input format. Column names are in lower case.

    `required` identifies a file of this format: of each group, one column must exist. `columns`
    are those that `parse` uses, `foreign` those that only another tool writes. `date_columns`
    tell the order of day and month. `aliases` maps renamed columns to the names that `parse`
    uses. If `is_strict`, other columns are an error, but for those that `ignored` names for a
    file with these columns. `language_setting` says where to switch the tool to English.
    """

    name: str
    title: str
    required: tuple[tuple[str, ...], ...]
    columns: frozenset[str]
    date_columns: tuple[str, ...]
    parse: Callable[[Record, Context], ParsedRow]
    foreign: frozenset[str] = frozenset()
    aliases: Callable[[tuple[str, ...]], Mapping[str, str]] = no_aliases
    is_strict: bool = False
    ignored: Callable[[Iterable[str]], frozenset[str]] = nothing_ignored
    is_own: bool = False
    language_setting: str = ""

    def missing(self, columns: Iterable[str]) -> list[str]:
        """The required columns that a file lacks."""
        existing = set(columns)
        return [" or ".join(names) for names in self.required if existing.isdisjoint(names)]

    def fits(self, columns: tuple[str, ...]) -> bool:
        """Whether a file with these columns is of this format."""
        aliases = self.aliases(columns)
        known = {aliases.get(column, column) for column in columns}
        return not self.missing(known) and self.foreign.isdisjoint(known)


@dataclass(frozen=True, slots=True)
class TimeEntry:
    """A row of any format. `person` and `project` are as the service knows them.

    `start` is in seconds since midnight. `external_id` is empty if the file has none.
    """

    day: date
    person: str | None
    project: str | None
    seconds: Decimal | None
    task: str = ""
    note: str = ""
    billable: str = ""
    start: int | None = None
    external_id: str = ""


def build_row(
    parser: RowParser, entry: TimeEntry, context: Context, remarks: Iterable[Remark] = ()
) -> ParsedRow:
    """The row as it is sent, or what prevents it from being sent."""
    billable = parser.parse("billable", parse_boolean, entry.billable)
    for name in ("task", "note", "external_id"):
        length = len(getattr(entry, name))
        if length > MAX_TEXT:
            parser.add_error(name, f"This text is too long: {length:,} characters.")
    minutes = None if entry.seconds is None else round_to_minutes(entry.seconds)
    if minutes == 0:  # other errors of a row that is not uploaded are irrelevant
        return _without_time(parser.record.line, entry)
    if parser.errors or entry.person is None or entry.project is None or minutes is None:
        return parser.invalid_row()
    row = Row(
        external_id=entry.external_id,
        person=entry.person,
        date=entry.day.isoformat(),
        project=entry.project,
        minutes=minutes,
        task=entry.task or None,
        note=entry.note,
        billable=billable,
    )
    found = {*remarks, *_common_remarks(parser.record, entry, context)}
    return Draft(parser.record.line, row, identity_of(entry), frozenset(found))


def _common_remarks(record: Record, entry: TimeEntry, context: Context) -> Iterator[Remark]:
    if entry.seconds is not None and entry.seconds % 60:
        yield Remark.ROUNDED
    if record.is_short:
        yield Remark.SHORT
    if context.complete is not None and entry.day not in context.complete:
        yield Remark.OUTSIDE_RANGE


def identity_of(entry: TimeEntry) -> tuple[str, ...]:
    """Identify the row to the service, whatever tool or wording it comes from."""
    person, start = entry.person or "", ""
    if "@" in person:  # a sub is compared byte for byte, an address is not
        person = person.casefold()
    if entry.start is not None:
        start = f"{entry.start // 3600:02}:{entry.start // 60 % 60:02}"
    return (person, entry.day.isoformat(), start, entry.project or "", entry.task)


def _without_time(line: int, entry: TimeEntry) -> SkippedRow:
    """A skipped row. The entry that it created when it still had a duration is removed."""
    reason = "The duration is zero." if entry.seconds == 0 else "Shorter than half a minute."
    if not entry.external_id and not (entry.person and entry.project):
        return SkippedRow(line, reason)
    deletion = Deletion(entry.external_id, deleted=True, person=entry.person)
    return SkippedRow(line, reason, Draft(line, deletion, identity_of(entry)))
