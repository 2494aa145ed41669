"""The text of names: which are accepted, how they are ordered and found. Pure functions."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

# The order of a list depends on this many characters of a name; a cursor contains them.
SORTED_LENGTH = 100

_WORD = re.compile(r"[^\W_]+")

# Control characters, line breaks, lone surrogates, and format characters: the ones that change
# the direction of text disguise a name. Several scripts need the joiners.
_FORBIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_JOINERS = "\u200c\u200d"


def is_presentable(name: str) -> bool:
    """Whether a name has something to see and no character that disguises it."""
    return all(map(_is_allowed, name)) and bool(name.strip(_JOINERS + " "))


def cleaned_name(name: str) -> str:
    """The name without such characters; white space of any kind becomes one space."""
    return "".join(filter(_is_allowed, " ".join(name.split()))).strip()


def _is_allowed(letter: str) -> bool:
    return letter in _JOINERS or unicodedata.category(letter) not in _FORBIDDEN_CATEGORIES


def folded(text: str) -> str:
    """`text` without case and accents: "Žofia Ångström" becomes "zofia angstrom"."""
    decomposed = unicodedata.normalize("NFD", text.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def sort_key(name: str) -> str:
    """A name as lists are sorted by it: without case and accents, cut to what is indexed."""
    return folded(name)[:SORTED_LENGTH]


def search_words(name: str, email: str | None) -> tuple[str, ...]:
    """The words that find a person: those of the name, the e-mail, the words before its @."""
    words = set(_WORD.findall(folded(name)))
    if email is not None:
        address = folded(email)
        words.add(address)
        words.update(_WORD.findall(address.partition("@")[0]))
    return tuple(sorted(words))


def query_prefixes(query: str) -> tuple[str, ...]:
    """The prefixes of which each person found has a word for each.

    Empty if the query has neither letter nor digit: it then matches everybody.
    """
    parts: Sequence[str] = folded(query).split()
    prefixes = [[part] if _is_address(part) else _WORD.findall(part) for part in parts]
    return tuple(dict.fromkeys(word for words in prefixes for word in words))


def _is_address(part: str) -> bool:
    return "@" in part.strip("@")
