"""What a reader of a format is, and what readers have in common."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from batch.dates import DateOrder
from batch.durations import SECONDS_A_DAY, read_clock, whole_minutes
from batch.maps import People, Projects
from batch.outcome import Misuse
from batch.rows import Attempt, Draft, LeftOut, Mistake, Reading, Record, Row, read_truth

MAX_TEXT = 10_000
"""Characters. The service judges how long a note may be; far beyond that it would refuse the whole
file, as a row has no end there."""


@dataclass(frozen=True, slots=True)
class Context:
    """What it takes to understand a row, beside the row."""

    people: People
    projects: Projects
    order: DateOrder | None = None


@dataclass(frozen=True, slots=True)
class Format:
    """`required` are the columns by which a file of this format is known, in lower case; of a
    tuple of names, one is enough. `dates` are those whose dates tell the order of day and month.
    """

    name: str
    title: str
    required: tuple[tuple[str, ...], ...]
    dates: tuple[str, ...]
    read: Callable[[Record, Context], Reading]
    allowed: frozenset[str] | None = None
    """Where given, no other column may be there."""

    def missing(self, columns: Iterable[str]) -> list[str]:
        there = set(columns)
        return [" or ".join(names) for names in self.required if there.isdisjoint(names)]


def check_columns(form: Format, columns: tuple[str, ...], others: Iterable[Format]) -> None:
    """Raises `Misuse` where the file cannot be of the format; `columns` is empty for JSON."""
    if not columns:
        if form.name != "ours":
            raise Misuse(f"This file holds JSON lines, which {form.title} does not export.")
        return
    missing = form.missing(columns)
    if missing:
        words = f"This is not {form.title}: there is no column {', '.join(missing)}."
        fitting = [other for other in others if other is not form and not other.missing(columns)]
        raise Misuse(words + "".join(f" It looks like --format {it.name}." for it in fitting))
    unknown = [] if form.allowed is None else [name for name in columns if name not in form.allowed]
    if unknown:
        known = ", ".join(sorted(form.allowed or ()))
        raise Misuse(f"The column {unknown[0][:80]!r} is not known; there are: {known}.")


@dataclass(frozen=True, slots=True)
class Span:
    """When work began and ended, as far as the row says; clocks are seconds since midnight."""

    day: date
    start: int | None
    end_day: date | None
    end: int | None

    @property
    def crosses_midnight(self) -> bool:
        ends_at_midnight = self.end == 0 and self.end_day is not None
        if self.end_day is not None and self.end_day > self.day:
            return not (ends_at_midnight and (self.end_day - self.day).days == 1)
        return False

    def seconds(self) -> Decimal:
        """Raises ValueError with words for people."""
        if self.start is None or self.end is None:
            raise ValueError("There is neither a duration nor a start and an end.")
        days = (self.end_day - self.day).days if self.end_day is not None else 0
        seconds = days * SECONDS_A_DAY + self.end - self.start
        if seconds < 0:
            raise ValueError("It ends before it begins; where it ends a day later, say End Date.")
        return Decimal(seconds)


def read_optional_clock(text: str) -> int | None:
    return read_clock(text) if text else None


@dataclass(frozen=True, slots=True)
class Work:
    """What every format's row comes down to. `person` is as the row names them."""

    person: tuple[str, ...]
    day: date
    start: int | None
    project: tuple[str, ...]
    task: str
    note: str
    billable: str
    external_id: str = ""
    crosses_midnight: bool = False


def drafted(
    attempt: Attempt, work: Work, person: str | None, project: str | None, seconds: Decimal | None
) -> Reading:
    """The row as it is sent, or what keeps it from being sent."""
    billable = attempt.take("billable", read_truth, work.billable)
    for name, text in (("task", work.task), ("note", work.note), ("external_id", work.external_id)):
        if len(text) > MAX_TEXT:
            attempt.mistakes.append(Mistake(name, f"This is {len(text):,} characters long."))
    minutes = None if seconds is None else whole_minutes(seconds)
    if minutes == 0:  # nothing would be sent, so it does not matter what else is wrong
        reason = "Its duration is zero." if seconds == 0 else "It is shorter than half a minute."
        return LeftOut(attempt.record.line, reason)
    if attempt.mistakes or person is None or project is None or not seconds or not minutes:
        return attempt.unreadable()
    day = work.day.isoformat()
    clock = "" if work.start is None else f"{work.start // 3600:02}:{work.start // 60 % 60:02}"
    who = tuple(part.casefold() for part in work.person)
    return Draft(
        line=attempt.record.line,
        row=Row(
            external_id=work.external_id,
            person=person,
            date=day,
            project=project,
            minutes=minutes,
            task=work.task or None,
            note=work.note,
            billable=billable,
        ),
        identity=(*who, day, clock, *work.project, work.task),
        was_rounded=seconds % 60 != 0,
        crosses_midnight=work.crosses_midnight,
        is_short=attempt.record.is_short,
    )
