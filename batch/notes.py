"""Sentences about how the file was read, for its owner."""

from collections.abc import Iterable

from batch.conversion import Conversion, RowCounts, day_range
from batch.formats import Format
from batch.options import Mode, Options
from batch.recognition import unused_columns
from batch.rows import Remark

MAX_SHOWN = 10
MAX_NAMES, MAX_NAME = 100, 80

_REMARKS = {
    Remark.ROUNDED: (
        "Rounded to the nearest minute, half a minute up: {rows} with seconds or fractions of a "
        "minute."
    ),
    Remark.OVER_MIDNIGHT: (
        "Over midnight: {rows}{lines}. The whole time counts for the day on which it started."
    ),
    Remark.SHORT: (
        "Fewer cells than column names: {rows}{lines}. The missing cells count as empty."
    ),
    Remark.DURATION_DIFFERS: (
        "Warning: in {rows}{lines} the duration differs by more than a minute from the time "
        "between start and end. The duration was used."
    ),
    Remark.CLOCK_CHANGE: (
        "In {rows}{lines} the duration differs by one hour from the time between start and end, "
        "on a Sunday: probably the clocks changed in between. The duration was used."
    ),
    Remark.FROM_CLOCKS: (
        "In {rows}{lines} there is no duration, so the time between start and end was used, on a "
        "Sunday: if the clocks changed in between, it is an hour off."
    ),
    Remark.OUTSIDE_RANGE: (
        "Warning: {rows}{lines} outside of the days of --complete. They were uploaded, but "
        "nothing is removed on those days."
    ),
}


def reading_notes(conversion: Conversion, counts: RowCounts) -> list[str]:
    """Describe how the file, its columns and its rows were understood."""
    source, file_format, header = (
        conversion.source,
        conversion.file_format,
        conversion.source.header,
    )
    notes = []
    if source.is_assumed_to_be_windows:
        notes.append(
            "The file is not UTF-8. It was read as cp1252, the usual encoding of Western Windows: "
            "check names and notes, or use --encoding."
        )
    if header.sheet:
        notes.append(f"Of several worksheets only {header.sheet} was read.")
    if header.skipped_lines:
        notes.append(f"Lines above the column names, not read: {header.skipped_lines}.")
    labels = dict(zip(header.columns, header.labels, strict=True))
    for column, meaning in file_format.aliases(header.columns).items():
        notes.append(f"The column {labels[column]} was read as {meaning}.")
    if unused := unused_columns(file_format, header) or _unused_names(file_format, counts):
        notes.append(f"Columns that were not used: {', '.join(unused)}.")
    for remark, text in _REMARKS.items():
        if count := counts.remarks[remark]:
            lines = _lines(counts.remark_lines[remark], count)
            notes.append(text.format(rows=count_rows(count), lines=lines))
    return notes


def _unused_names(file_format: Format, counts: RowCounts) -> list[str]:
    """Names in JSON lines that the format ignores. Our own format rejects rows that have some."""
    if file_format.is_own:
        return []
    names = list(counts.unused_names)
    shown = [name[:MAX_NAME] for name in names[:MAX_NAMES]]
    return [*shown, "more"] if len(names) > MAX_NAMES else shown


def removal_notes(options: Options, counts: RowCounts, *, is_own: bool) -> list[str]:
    """Describe the effect of --complete, or of leaving it out."""
    notes = []
    if options.complete is None:
        if not is_own and counts.first_day and options.mode is not Mode.CHECK:
            notes.append(
                "Entries of earlier uploads that were moved, renamed or deleted at the source "
                f"remain. To remove them, use --complete {day_range(counts)} with a file that "
                "has everything of these days. --dry-run shows the effect first."
            )
        return notes
    if options.also:
        notes.append(
            f"Covered by --complete even without rows: {', '.join(options.also)}. "
            "Each counts as one unchanged row."
        )
    if counts.invalid and options.mode is Mode.DRY_RUN:
        notes.append(
            "Invalid rows were not sent: if earlier uploads created their entries, these count "
            "as removed in this dry run."
        )
    return notes


def count_rows(count: int) -> str:
    """A number of rows in words."""
    return "1 row" if count == 1 else f"{count:,} rows"


def _lines(first: Iterable[int], count: int) -> str:
    shown = [str(line) for line in first][:MAX_SHOWN]
    word = "line" if count == 1 else "lines"
    more = ", ..." if count > len(shown) else ""
    return f" ({word} {', '.join(shown)}{more})"
