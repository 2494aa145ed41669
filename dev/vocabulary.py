"""Check names and prose against docs/glossary.md: `python -m dev.vocabulary`.

Identifiers may not contain a word that the glossary replaced. Docstrings, comments and Markdown
may not contain a listed phrase, nor start a sentence with a listed word. Code in Markdown is
ignored. String values may not contain a listed phrase either; those in schemas, which document the
API, follow the rule for the start of a sentence too. vocabulary.toml has the list and the
exceptions, each with its reason.
"""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tokenize
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LIST = Path(__file__).with_name("vocabulary.toml")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SENTENCE = re.compile(r"(?:\A|(?<=[.!?])\s+|\n\s*\n\s*)(\w+)")
_CODE = re.compile(r"```.*?```|`[^`]*`", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """`names` maps rejected identifiers to the standard ones, `identifiers` rejected words in them.

    No sentence starts with one of `openers`, and no prose contains one of `phrases`. `allowed` maps
    identifiers that are exceptions to the reason.
    """

    names: dict[str, str]
    identifiers: dict[str, str]
    openers: frozenset[str]
    phrases: tuple[str, ...]
    allowed: dict[str, str]

    @classmethod
    def read(cls) -> Vocabulary:
        """Read the list of this project."""
        listed = tomllib.loads(LIST.read_text("utf-8"))
        return cls(
            names=listed["names"],
            identifiers=listed["identifiers"],
            openers=frozenset(word.lower() for word in listed["prose"]["openers"]),
            phrases=tuple(listed["prose"]["phrases"]),
            allowed=listed["allowed"],
        )


def main() -> None:
    """Print each violation and exit with 1 if there is one."""
    vocabulary = Vocabulary.read()
    found = [line for path in _files() for line in check(path, path.read_text("utf-8"), vocabulary)]
    sys.stdout.writelines(f"{line}\n" for line in found)
    raise SystemExit(bool(found))


def check(path: Path, text: str, vocabulary: Vocabulary) -> Iterator[str]:
    """Find the violations in a file, each with its line."""
    if path.suffix == ".md":
        yield from _check_prose(path, 1, _CODE.sub(_blank, text), vocabulary)
        return
    for line, name in _identifiers(text):
        yield from _check_name(path, line, name, vocabulary)
    tree = ast.parse(text)
    for line, prose in (*_docstrings(tree), *_comments(text)):
        yield from _check_prose(path, line, _CODE.sub(_blank, prose), vocabulary)
    if path.parts[0] == "tests":
        return
    check_string = _check_prose if _documents_the_api(path) else _check_phrases
    for line, prose in _strings(tree):
        yield from check_string(path, line, prose, vocabulary)


def _check_name(path: Path, line: int, name: str, vocabulary: Vocabulary) -> Iterator[str]:
    if name in vocabulary.allowed:
        return
    if name in vocabulary.names:
        yield f"{path}:{line}: {name} is now {vocabulary.names[name]}"
    for word in {word.lower() for word in _WORD.findall(name)} & vocabulary.identifiers.keys():
        yield f"{path}:{line}: {name}: {word!r} is no standard term: {vocabulary.identifiers[word]}"


def _check_prose(path: Path, first: int, prose: str, vocabulary: Vocabulary) -> Iterator[str]:
    for match in _SENTENCE.finditer(prose):
        if match[1].lower() in vocabulary.openers:
            line = first + prose.count("\n", 0, match.start(1))
            yield f"{path}:{line}: a sentence starts with {match[1]!r}: name the subject"
    yield from _check_phrases(path, first, prose, vocabulary)


def _check_phrases(path: Path, first: int, prose: str, vocabulary: Vocabulary) -> Iterator[str]:
    for phrase in vocabulary.phrases:
        words = r"\s+".join(map(re.escape, phrase.split()))
        for match in re.finditer(rf"\b{words}\b", prose, re.IGNORECASE):
            line = first + prose.count("\n", 0, match.start())
            yield f"{path}:{line}: {phrase!r} is not plain English"


def _identifiers(text: str) -> Iterator[tuple[int, str]]:
    """Each name once, where it is first used."""
    seen: set[str] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.NAME and token.string not in seen:
            seen.add(token.string)
            yield token.start[0], token.string


def _docstrings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The docstrings with their first lines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            value = node.value.value
            if isinstance(value, str):
                yield node.lineno, value


def _comments(text: str) -> Iterator[tuple[int, str]]:
    """The comments with their first lines; one on several lines is one text."""
    first, lines, column = 0, list[str](), 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type != tokenize.COMMENT:
            continue
        if (token.start[0], token.start[1]) != (first + len(lines), column):
            if lines:
                yield first, "\n".join(lines)
            (first, column), lines = token.start, []
        lines.append(token.string.lstrip("# "))
    if lines:
        yield first, "\n".join(lines)


def _strings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The texts in string values, with their first lines: anything with a space."""
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in docstrings:
            value = node.value
            if isinstance(value, str) and " " in value.strip():
                yield node.lineno, value


def _documents_the_api(path: Path) -> bool:
    """Whether the strings of a module are descriptions in the API document."""
    return "schemas" in path.parts or path.name in ("schemas.py", "field_notes.py", "resources.py")


def _blank(match: re.Match[str]) -> str:
    """Blank code out, keeping the line numbers."""
    return "code" + "\n" * match[0].count("\n")


def _files() -> Iterator[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "*.py", "*.md"], capture_output=True, text=True, check=True
    )
    for name in listed.stdout.split():
        yield Path(name)


if __name__ == "__main__":
    main()
