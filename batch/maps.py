"""Tables that translate names in a file into the ids that the service knows."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from batch.errors import InvalidInput
from batch.rows import InvalidRow
from batch.source import Source

is_project_code = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}").fullmatch


@dataclass(frozen=True, slots=True)
class PeopleMap:
    """Persons by name or e-mail address, from a table `name,person`.

    `first name,last name` may replace `name`. `person` is what the service knows: an e-mail
    address, an external id or a sub.
    """

    persons: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises `InvalidInput`."""
        persons: dict[str, str] = {}
        for line, row in read_table(path, ("person",)):
            name = row.get("name") or f"{row.get('first name', '')} {row.get('last name', '')}"
            if not name.strip() or not row["person"]:
                raise InvalidInput(f"{path.name}, line {line}: a cell is empty.")
            _add(persons, normalize(name), row["person"], path, line)
        return cls(persons)

    def find(self, email: str, name: str) -> str:
        """The person of a row.

        The row's own address wins over its name: two people can share a name. An address that
        is in the table itself is translated. Raises ValueError with a message for the user.
        """
        if email:
            return self.persons.get(normalize(email), email)
        if mapped := self.persons.get(normalize(name)):
            return mapped
        if not name.strip():
            raise ValueError("This row does not name a person.")
        raise ValueError(
            f"No person is known for the name {' '.join(name.split())[:80]}: use --people with a "
            "table of the columns name,person (person: e-mail, external id or sub)."
        )


@dataclass(frozen=True, slots=True)
class ProjectMap:
    """Project codes by name, from a table `project,code` or `client,project,code`.

    `project` may be the other tool's own code. A line with an empty project is for rows without
    a project.
    """

    codes: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises `InvalidInput`."""
        codes: dict[str, str] = {}
        for line, row in read_table(path, ("project", "code")):
            if not row["code"]:
                raise InvalidInput(f"{path.name}, line {line}: the code is empty.")
            key = project_key(row.get("client", ""), row["project"])
            _add(codes, key, row["code"], path, line)
        return cls(codes)

    def find(self, client: str, name: str, code: str = "") -> str:
        """The table comes first, then the file's own code, then a name that is a code.

        Raises ValueError with a message for the user.
        """
        mapped = self._mapped(client, name, code) if self.codes else ""
        if mapped or code:
            return mapped or code
        if not name:
            raise ValueError(
                "This row has no project: add a line with an empty project to --project-map "
                "(,CODE) to give such rows a code."
            )
        if is_project_code(name):
            return name
        raise ValueError(
            f"No code is known for the project {name[:80]}: use --project-map with a "
            "table of the columns project,code."
        )

    def _mapped(self, client: str, name: str, code: str) -> str:
        names = [text for text in (name, code) if text] or [""]
        keys = [project_key(owner, text) for text in names for owner in (client, "")]
        return next((self.codes[key] for key in keys if key in self.codes), "")


def normalize(text: str) -> str:
    """Names that differ only in case or white space are the same name."""
    return " ".join(text.split()).casefold()


def project_key(client: str, name: str) -> str:
    """The key of a project in the map: case and spaces do not matter."""
    return f"{normalize(client)}\n{normalize(name)}"


def read_table(path: Path, required: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """Lines and rows of a table in CSV or XLSX, by column name in lower case without underscores.

    Raises `InvalidInput` if the file cannot be read or lacks a required column.
    """
    source = Source(path, min_columns=2)
    aliases = {column: column.replace("_", " ") for column in source.header.columns}
    missing = [name for name in required if name not in aliases.values()]
    if missing:
        raise InvalidInput(f"{path.name} has no column {', '.join(missing)}.")
    for item in source.items(aliases=aliases):
        if isinstance(item, InvalidRow):
            raise InvalidInput(f"{path.name}, line {item.line}: {item.errors[0].message}")
        yield item.line, {name: item[name] for name in aliases.values()}


def _add(table: dict[str, str], key: str, value: str, path: Path, line: int) -> None:
    if table.setdefault(key, value) != value:
        raise InvalidInput(f"{path.name}, line {line}: this name already stands for {table[key]}.")
