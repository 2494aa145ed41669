"""Excel workbooks (.xlsx), read row by row."""

import re
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from batch.errors import InvalidInput

MAX_UNPACKED = 512 << 20
"""Bytes of the unpacked workbook. A few kilobytes of ZIP can unpack to much more."""

_MIDNIGHT = time()
# A character that XML cannot hold, or an underscore that would begin one (ST_Xstring).
_escaped = re.compile("_x((?!D[89A-F])[0-9A-F]{4})_", re.IGNORECASE)


def is_workbook(path: Path) -> bool:
    """Whether the file is a ZIP archive that contains a workbook."""
    try:
        with path.open("rb") as file:
            if file.read(4) != b"PK\x03\x04":
                return False
        with zipfile.ZipFile(path) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return False


@contextmanager
def read_workbook(path: Path) -> Iterator[tuple[str, Iterator[list[str]]]]:
    """The rows of the first visible worksheet as text, and its name if there are several.

    Raises `InvalidInput` if the workbook is damaged or too large.
    """
    with zipfile.ZipFile(path) as archive:
        if sum(member.file_size for member in archive.infolist()) > MAX_UNPACKED:
            raise InvalidInput(f"{path.name} is too large when unpacked: save it as CSV.")
    import openpyxl  # a tenth of the time that the program takes to start, and not for other files

    with warnings.catch_warnings():
        # Notices about styles and extensions, which have no effect on the values.
        warnings.simplefilter("ignore")
        try:
            workbook = openpyxl.load_workbook(path, read_only=True, data_only=True)
        except Exception as error:
            # openpyxl raises whatever its parser meets: KeyError, TypeError, BadZipFile, ...
            raise InvalidInput(f"{path.name} cannot be read as a workbook: {error}.") from error
        try:
            sheets = [sheet for sheet in workbook.worksheets if sheet.sheet_state == "visible"]
            if not sheets:
                raise InvalidInput(f"{path.name} has no visible worksheet.")
            yield sheets[0].title if len(sheets) > 1 else "", _rows(path.name, sheets[0])
        finally:
            workbook.close()


def _rows(name: str, sheet: Any) -> Iterator[list[str]]:
    # Some programs write wrong dimensions, which would hide rows and columns.
    sheet.reset_dimensions()
    rows = sheet.iter_rows(values_only=True)
    while True:
        try:
            cells = next(rows)
        except StopIteration:
            return
        except Exception as error:
            raise InvalidInput(f"{name} cannot be read to its end: {error}.") from error
        texts = [_text(cell) for cell in cells]
        while texts and not texts[-1]:
            texts.pop()
        yield texts


def _text(value: object) -> str:
    """A cell as CSV would show it: ISO dates, hours and minutes, plain numbers."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        value = (value + timedelta(microseconds=500_000)).replace(microsecond=0)
        return str(value.date() if value.time() == _MIDNIGHT else value)
    if isinstance(value, timedelta):
        return _clock(value.total_seconds())
    if isinstance(value, time):
        # Excel stores times as fractions of a day, which are rarely whole seconds.
        seconds = value.hour * 3600 + value.minute * 60 + value.second + value.microsecond / 1e6
        return _clock(seconds)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return _escaped.sub(lambda found: chr(int(found[1], 16)), str(value))


def _clock(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}"
