"""Tables that say which person or project is meant: the file has names, the service takes ids."""

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from batch.outcome import Misuse

is_code = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}").fullmatch


@dataclass(frozen=True, slots=True)
class People:
    """Who is meant by a name or an address, from a table `name,person`.

    In the place of `name` there may be `first name,last name`. The person is what the service
    knows: an e-mail address, an external id or a sub.
    """

    persons: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Self:
        persons: dict[str, str] = {}
        for line, row in _rows(path, ("person",)):
            name = row.get("name") or f"{row.get('first name', '')} {row.get('last name', '')}"
            _add(persons, _plain(name), row["person"], path, line)
        return cls(persons)

    def find(self, email: str, name: str) -> str:
        """Raises ValueError with words for people."""
        mapped = None
        if self.persons:
            mapped = self.persons.get(_plain(email)) or self.persons.get(_plain(name))
        if mapped or email:
            return mapped or email
        if not name.strip():
            raise ValueError("Nobody is named.")
        raise ValueError(
            f"It is not known who {' '.join(name.split())[:80]} is: give --people with a table "
            "of the columns name,person (person: e-mail, external id or sub)."
        )


@dataclass(frozen=True, slots=True)
class Projects:
    """Which code a project's name stands for, from a table `project,code` or
    `client,project,code`. In the place of the name there may be the other tool's own code."""

    codes: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Self:
        codes: dict[str, str] = {}
        for line, row in _rows(path, ("project", "code")):
            client = row.get("client", "")
            _add(codes, _key(client, row["project"]), row["code"], path, line)
        return cls(codes)

    def find(self, client: str, name: str, code: str = "") -> str:
        """What the table says comes first, then the file's own code, then a name that already
        is a code. Raises ValueError with words for people."""
        mapped = self._mapped(client, name, code) if self.codes else ""
        if mapped or code:
            return mapped or code
        if not name:
            raise ValueError("No project is named.")
        if is_code(name):
            return name
        raise ValueError(
            f"No code is known for the project {name[:80]}: give --project-map with a "
            "table of the columns project,code."
        )

    def _mapped(self, client: str, name: str, code: str) -> str:
        keys = (_key(client, name), _key("", name), _key(client, code), _key("", code))
        return next((self.codes[key] for key in keys if key in self.codes), "")


def _plain(text: str) -> str:
    """Names that differ in case or spaces only are the same name."""
    return " ".join(text.split()).casefold()


def _key(client: str, name: str) -> str:
    return f"{_plain(client)}\n{_plain(name)}"


def _add(table: dict[str, str], key: str, value: str, path: Path, line: int) -> None:
    if not key.strip() or not value:
        raise Misuse(f"{path.name}, line {line}: a cell is empty.")
    if table.setdefault(key, value) != value:
        raise Misuse(f"{path.name}, line {line}: the same name stands there for {table[key]} too.")


def _rows(path: Path, required: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            start = file.readline()
            delimiter = max(",;\t", key=start.count)
            names = [name.strip().strip('"').casefold() for name in start.split(delimiter)]
            names = [name.replace("_", " ") for name in names]
            missing = [name for name in required if name not in names]
            if missing:
                raise Misuse(f"{path.name} has no column {', '.join(missing)}.")
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    padded = [cell.strip() for cell in cells] + [""] * (len(names) - len(cells))
                    yield reader.line_num + 1, dict(zip(names, padded, strict=False))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Misuse(f"{path.name} cannot be read: {error}.") from error
