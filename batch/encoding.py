"""The encoding of a text file: its byte order mark, UTF-8, or what older software writes."""

import codecs
from typing import IO

WINDOWS = "cp1252"
"""The encoding in which spreadsheets on a Western Windows save CSV.

Nearly any file decodes as cp1252, so the summary reports when it is assumed.
"""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CHUNK = 1 << 20


def detect_encoding(file: IO[bytes]) -> str:
    """Reads the file up to the first byte that is not UTF-8."""
    chunk = file.read(_CHUNK)
    for mark, encoding in _MARKS:
        if chunk.startswith(mark):
            return encoding
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while chunk:
            decoder.decode(chunk)
            chunk = file.read(_CHUNK)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return WINDOWS
    return "utf-8"


def is_wide(encoding: str) -> bool:
    """Whether a character takes several bytes, so that lines cannot be split before decoding."""
    return codecs.lookup(encoding).name.startswith(("utf-16", "utf-32"))
