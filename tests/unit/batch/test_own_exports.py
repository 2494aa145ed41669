"""Exports of entries, read by the uploader as files in our own columns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from batch.errors import InvalidInput
from tests.unit.batch.converting import Write, convert

HEAD = "id,person,name,email,employer,kind,external_ids,date,week,state,project,project_name,"
HEAD += "customer,task,minutes,hours,billable,note,source,external_id,version,updated_at\n"
ROW = "0a1b,auth0|erin,Erin,e@x.test,,employee,{ids},2026-11-23,2026-W48,open,WEB,Web,Big,{task},"
ROW += "61,1.02,true,{note},app,{external_id},3,2026-11-24T09:00:00Z\n"


def row(task: str = "", note: str = "", external_id: str = "") -> str:
    return ROW.format(ids="", task=task, note=note, external_id=external_id)


def test_the_id_stands_in_for_an_external_id_and_guards_are_taken_off(write: Write) -> None:
    text = HEAD + row(note="'=1+1", external_id="'-7") + row(task="'plain", note="''=1")
    found = convert(write("e.csv", text), "ours")
    assert [(it.external_id, it.minutes, it.task, it.note) for it in found.rows] == [
        ("-7", 61, None, "=1+1"),
        ("0a1b", 61, "'plain", "'=1"),
    ]
    assert (found.failed, found.skipped) == ([], [])


def test_other_columns_and_apostrophes_are_no_export(write: Write) -> None:
    with pytest.raises(InvalidInput, match="There is no column 'id'"):
        convert(write("e.csv", "person,date,project,minutes,id,state,customer\n"), "ours")
    with pytest.raises(InvalidInput, match="There is no column 'bilable'"):
        convert(write("e.csv", HEAD.replace("billable", "bilable")), "ours")
    text = "person,date,project,minutes,note\na@x.test,2026-11-23,WEB,1,'=1\n"
    assert [it.note for it in convert(write("o.csv", text), "ours").rows] == ["'=1"]


def test_json_lines_of_an_export_have_an_object_of_external_ids(write: Write) -> None:
    fields = dict(zip(HEAD.strip().split(","), row("Ops", "'=1").strip().split(","), strict=True))
    line: dict[str, Any] = {**fields, "external_ids": {"hr": "7"}, "minutes": 61, "hours": 1.02}
    wrong = {**line, "note": {"a": 1}}
    found = convert(write("e.ndjson", f"{json.dumps(line)}\n{json.dumps(wrong)}\n"), "ours")
    assert [(it.external_id, it.task, it.note) for it in found.rows] == [("0a1b", "Ops", "'=1")]
    assert [(number, name) for number, name, _ in found.failed] == [(2, "note")]


def test_the_totals_of_a_workbook_are_left_out(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet: Any = book.active
    for line in (HEAD, row(note="see _x005F_x000D_ and_x000D__x000A_this"), row(note="'=1")):
        sheet.append(line.strip().split(","))
    sheet.append(["Total", *[None] * 13, 122, 2.04])
    book.save(tmp_path / "e.xlsx")
    found = convert(tmp_path / "e.xlsx", "ours")
    assert found.skipped == [(4, "The totals of the export.")]
    assert found.rows[1].note == "'=1"
    assert len(found.rows) == 2
