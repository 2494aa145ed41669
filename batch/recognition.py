"""Explains why a file is not of the chosen format, and what to do about it."""

from collections.abc import Iterable
from dataclasses import dataclass

from batch.errors import InvalidInput
from batch.formats.format import Format
from batch.source import Header

_SHOWN_COLUMNS = 20


@dataclass(frozen=True, slots=True)
class _Export:
    """The columns, in lower case, that together only this export has."""

    title: str
    columns: frozenset[str]
    is_summary: bool = False


def _export(title: str, *columns: str, is_summary: bool = False) -> _Export:
    return _Export(title, frozenset(columns), is_summary)


_OTHER_EXPORTS = (
    _export("a summary report of Clockify", "time (h)", is_summary=True),
    _export("a summary report of Clockify", "time (decimal)", is_summary=True),
    _export("a summary report of Toggl Track", "project", "title", "duration", is_summary=True),
    _export("a weekly report", "mon", "tue", is_summary=True),
    _export("a weekly report", "monday", "tuesday", is_summary=True),
    _export("an export of solidtime", "start", "end", "duration (decimal)"),
    _export("an import file of solidtime", "start", "end", "billable_default"),
    _export("an export of Kimai", "customer", "activity", "exported"),
    _export("an export of Kimai", "from", "to", "customer", "activity"),
    _export("a file for the importer of Kimai", "customer", "activity", "begin"),
    _export("an export of Tempo", "issue key", "work date"),
    _export("a worklog of Jira", "issue key"),
    _export("an export of QuickBooks Time", "local_date", "fname", "lname"),
    _export("an export of TimeTagger", "start", "stop", "key"),
    _export("an export of TimeTagger", "tot_duration", "tags"),
    _export("an export of Timely", "logged hours"),
    _export("an export of Everhour", "member", "time", "project", "date"),
    _export("an export of TimeCamp", "task", "breadcrumps"),
    _export("an export of ActivityWatch", "timestamp", "duration"),
)

_LANGUAGES = {
    "Portuguese": "projeto cliente descrição tarefa usuário utilizador etiquetas faturável horas",
    "German": "projekt kunde beschreibung aufgabe benutzer gruppe abrechenbar dauer",
    "French": "projet client tâche utilisateur groupe étiquettes facturable durée heures",
    "Spanish": "proyecto cliente descripción tarea usuario grupo etiquetas facturable duración",
    "Italian": "progetto cliente descrizione attività utente gruppo fatturabile durata",
    "Dutch": "project klant omschrijving beschrijving taak gebruiker groep factureerbaar duur",
    "Polish": "projekt klient opis zadanie użytkownik grupa tagi",
    "Russian": "проект клиент описание задача пользователь группа теги",
    "Japanese": "プロジェクト クライアント 説明 タスク ユーザー グループ タグ",
    "Chinese": "项目 客户 描述 任务 用户 群组 标签",
    "Korean": "프로젝트 클라이언트 설명 작업 사용자 그룹 태그",
    "Ukrainian": "проєкт клієнт опис завдання користувач група теги",
}


def check_header(file_format: Format, header: Header, formats: Iterable[Format]) -> None:
    """Raises `InvalidInput` if the file cannot be of the format."""
    if not header.columns:
        if not (file_format.is_own or file_format.name == "columns"):
            raise InvalidInput(
                f"This file contains JSON lines, which {file_format.title} does not."
            )
        return
    if not file_format.fits(header.columns):
        raise InvalidInput(_explain(file_format, header, tuple(formats)))
    if file_format.is_strict:
        accepted = file_format.columns | file_format.ignored(header.columns)
        unknown = [column for column in header.columns if column not in accepted]
        if unknown:
            known = ", ".join(sorted(file_format.columns))
            raise InvalidInput(f"There is no column {unknown[0][:80]!r}. Columns: {known}.")


def unused_columns(file_format: Format, header: Header) -> list[str]:
    """Labels of the columns that the format does not use."""
    aliases = file_format.aliases(header.columns)
    return [
        label
        for column, label in zip(header.columns, header.labels, strict=True)
        if column and aliases.get(column, column) not in file_format.columns
    ]


def _explain(file_format: Format, header: Header, formats: tuple[Format, ...]) -> str:
    columns = frozenset(header.columns)
    for other in formats:
        if other is not file_format and other.fits(header.columns):
            return f"This is not {file_format.title} but {other.title}: use --format {other.name}."
    if language := _language(columns):
        where = f" {file_format.language_setting}" if file_format.language_setting else ""
        return (
            f"The column names of this file are in {language} ({_list(header.labels[:4])}). "
            f"Switch the language to English and export again.{where} Or describe the columns "
            "with --columns."
        )
    for export in _OTHER_EXPORTS:
        if export.columns <= columns:
            return f"This is not {file_format.title} but {export.title}. {_advice(export)}"
    missing = [name for name in file_format.missing(_renamed(file_format, header.columns)) if name]
    lacking = f" It has no column {', '.join(missing)}." if missing else ""
    return (
        f"This is not {file_format.title}.{lacking} Its columns are {_list(header.labels)}. "
        "Any table can be described with --columns."
    )


def _renamed(file_format: Format, columns: tuple[str, ...]) -> list[str]:
    aliases = file_format.aliases(columns)
    return [aliases.get(column, column) for column in columns]


def _advice(export: _Export) -> str:
    if export.is_summary:
        return "It has totals, not entries: export the detailed report instead."
    return "Describe its columns with --columns."


def _language(columns: frozenset[str]) -> str:
    """The language of the column names, if at least two of them are in one that is not English."""
    words = frozenset(word for column in columns for word in column.split())
    found = {
        language: len(words & frozenset(vocabulary.split()))
        for language, vocabulary in _LANGUAGES.items()
    }
    best = max(found, key=lambda language: found[language])
    # "client" and "project" are also French and Dutch.
    is_english = len(columns & {"project", "client", "description", "task", "user"}) > 2
    return best if found[best] > 1 and not is_english else ""


def _list(labels: tuple[str, ...]) -> str:
    shown = ", ".join(label for label in labels[:_SHOWN_COLUMNS] if label)
    return f"{shown}, ..." if len(labels) > _SHOWN_COLUMNS else shown
