"""Files of another format, of another tool, or in another language."""

from __future__ import annotations

from pathlib import Path

import pytest

from batch.errors import InvalidInput
from tests.unit.batch.converting import CLOCKIFY, TOGGL, Write, convert

PORTUGUESE = (
    "Projeto;Cliente;Descrição;Tarefa;Usuário;Grupo;E-mail;Etiquetas;Faturável;Data de início;"
    "Hora de início;Data de término;Hora de término;Duração (h);Duração (decimal)\n"
)


def message(path: Path, file_format: str) -> str:
    with pytest.raises(InvalidInput) as caught:
        convert(path, file_format)
    return str(caught.value)


def test_another_known_format_is_named(write: Write) -> None:
    assert message(write("t.csv", TOGGL), "harvest").endswith("use --format toggl.")


def test_a_clockify_file_is_not_read_as_toggl(write: Write) -> None:
    assert message(write("c.csv", CLOCKIFY), "toggl").endswith("use --format clockify.")


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_column_names_in_another_language_name_the_setting(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "c.csv"
    path.write_bytes(PORTUGUESE.encode(encoding))
    text = message(path, "clockify")
    assert "in Portuguese (Projeto, Cliente, Descrição, Tarefa)" in text
    assert "Profile settings > Preferences > General > Language" in text


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("Projekt;Kunde;Beschreibung;Aufgabe;Benutzer;Gruppe;E-Mail;Startdatum", "German"),
        ("Projet,Client,Description,Tâche,Utilisateur,Groupe,Adresse e-mail", "French"),
        ("プロジェクト,クライアント,説明,タスク,ユーザー,グループ", "Japanese"),
    ],
)
def test_languages_are_distinguished(write: Write, header: str, language: str) -> None:
    assert f"in {language} (" in message(write("c.csv", f"{header}\n"), "clockify")


@pytest.mark.parametrize(
    ("header", "title"),
    [
        ("Project,Client,Description,Time (h),Time (decimal)", "summary report of Clockify"),
        ("Description,Task,Project,Client,User,Start,End,Duration (decimal),Tags", "solidtime"),
        ("Date,From,To,Duration,User,Customer,Project,Activity,Exported", "Kimai"),
        ("Issue Key,Issue summary,Hours,Work date,Username", "Tempo"),
        ("username,payroll_id,fname,lname,local_date,hours,jobcode_1", "QuickBooks Time"),
        ("User,Mon,Tue,Wed,Total", "weekly report"),
    ],
)
@pytest.mark.parametrize("file_format", ["ours", "clockify", "harvest", "toggl"])
def test_exports_of_other_tools_are_named(
    write: Write, header: str, title: str, file_format: str
) -> None:
    text = message(write("x.csv", f"{header}\n"), file_format)
    assert title in text
    assert "--columns" in text or "detailed report" in text


def test_an_unknown_table_is_described_by_its_columns(write: Write) -> None:
    text = message(write("x.csv", "Who,When,What\n"), "toggl")
    assert "no column project, user or member or email" in text
    assert "Its columns are Who, When, What." in text
    assert "--columns" in text


def test_json_lines_are_not_an_export_of_a_tool(write: Write) -> None:
    assert "JSON lines" in message(write("x.ndjson", '{"a": 1}\n'), "toggl")
