"""From the file to what is sent: three passes, none of which keeps the rows."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from batch.body import Body
from batch.dates import DateOrder, date_order
from batch.formats import FORMATS, Context, Format, check_columns
from batch.identity import Identities
from batch.refusals import Refusal, Refusals
from batch.rows import Draft, LeftOut, Reading, Record, Row, Unreadable
from batch.source import Item, Progress, Source

KEPT = 1000


@dataclass(slots=True)
class Tally:
    """What was met while the file was read."""

    read: int = 0
    unreadable: int = 0
    rounded: int = 0
    over_midnight: int = 0
    short: int = 0
    left_out: int = 0
    first_left_out: list[LeftOut] = field(default_factory=list)
    left_out_because: Counter[str] = field(default_factory=Counter)

    @property
    def ready(self) -> int:
        """Rows that can be sent."""
        return self.read - self.left_out - self.unreadable

    def count(self, reading: Reading) -> None:
        self.read += 1
        match reading:
            case Draft():
                self.rounded += reading.was_rounded
                self.over_midnight += reading.crosses_midnight
                self.short += reading.is_short
            case LeftOut():
                self.left_out += 1
                self.left_out_because[reading.reason] += 1
                if len(self.first_left_out) < KEPT:
                    self.first_left_out.append(reading)
            case Unreadable():
                self.unreadable += 1


@dataclass(frozen=True, slots=True)
class Conversion:
    """A file in a format. Raises `Misuse` where the file as a whole makes no sense."""

    source: Source
    form: Format
    context: Context

    def with_order(self, chosen: DateOrder | None) -> "Conversion":
        """With the order of day and month, as it was chosen or as the whole file tells it."""
        check_columns(self.form, self.source.columns(), FORMATS.values())
        order = chosen
        if order is None and self.form.dates:
            order = date_order(self._dates())
        return replace(self, context=replace(self.context, order=order))

    def survey(self, identities: Identities, refusals: Refusals, progress: Progress) -> Tally:
        """Read everything once: count, tell what cannot be read, note who is who."""
        tally = Tally()
        for item in self.source.items(progress):
            reading = self._read(item)
            tally.count(reading)
            if isinstance(reading, Draft):
                identities.add(reading)
            elif isinstance(reading, Unreadable):
                for mistake in reading.mistakes:
                    refusal = Refusal(reading.line, mistake.field, mistake.message, "file")
                    refusals.add(refusal, reading.cells)
        identities.sort()
        return tally

    def body(self, identities: Identities, progress: Progress) -> Body:
        return Body.write(self._rows(identities, progress))

    def _rows(self, identities: Identities, progress: Progress) -> Iterator[tuple[int, Row]]:
        for item in self.source.items(progress):
            reading = self._read(item)
            if isinstance(reading, Draft):
                yield reading.line, identities.identified(reading)

    def _read(self, item: Item) -> Reading:
        return item if isinstance(item, Unreadable) else self.form.read(item, self.context)

    def _dates(self) -> Iterator[tuple[int, str]]:
        for item in self.source.items():
            if isinstance(item, Record):
                for column in self.form.dates:
                    yield item.line, item[column]
