"""LibreOffice, where it is installed, reads our workbooks: types, dates and totals."""

from __future__ import annotations

import csv
import shutil
import subprocess
from pathlib import Path

import pytest

from services.entries.reports.spreadsheet import Spreadsheet
from tests.unit.entries.test_spreadsheet import COLUMNS, ROWS

SOFFICE = shutil.which("soffice")
# Comma, quote, UTF-8, from line 1; as shown, texts quoted, so that numbers and texts differ.
AS_CSV = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,true,true"

pytestmark = pytest.mark.skipif(SOFFICE is None, reason="LibreOffice is not installed: soffice")


@pytest.mark.timeout(180)
def test_libreoffice_reads_the_cells_and_adds_up_the_column(tmp_path: Path) -> None:
    sheet = Spreadsheet("Entries", COLUMNS)
    (tmp_path / "entries.xlsx").write_bytes(sheet.write(ROWS) + sheet.finish())
    profile = f"-env:UserInstallation=file://{tmp_path / 'profile'}"
    subprocess.run(
        [str(SOFFICE), profile, "--headless", "--convert-to", AS_CSV, "entries.xlsx"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        timeout=170,
    )
    text = (tmp_path / "entries.csv").read_text(encoding="utf-8")
    header, first, second, totals = csv.reader(text.splitlines())
    assert header == ["day", "minutes", "hours", "billable", "note", "at"]
    assert '"=1+1"' in text.splitlines()[1]
    assert (first[1:4], first[5]) == (["90", "1.5", "TRUE"], "2026-11-23 12:30:15")
    assert "23" in first[0]
    assert second[4] == "a <b> & _x000D_ \ufffd"
    assert totals[0] == "Total"
    assert [float(cell) for cell in totals[1:3]] == [110, 1.83]
