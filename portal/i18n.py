"""Languages: gettext catalogs and the person's choice."""

from __future__ import annotations

import gettext
import io
from collections.abc import Iterable
from contextvars import ContextVar
from functools import cache
from pathlib import Path

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

FOLDER = Path(__file__).parent / "translations"
LANGUAGES = {"en": "English", "de": "Deutsch"}
DEFAULT = "en"

LANGUAGE: ContextVar[str] = ContextVar("LANGUAGE", default=DEFAULT)
"""Of the request that is being handled."""


def _read_catalog(language: str) -> gettext.NullTranslations:
    """A catalog is compiled at start, so that there is no build step."""
    path = FOLDER / language / "LC_MESSAGES" / "messages.po"
    if not path.exists():
        return gettext.NullTranslations()
    with path.open("rb") as file:
        catalog = read_po(file, locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


@cache
def catalog_of(language: str) -> gettext.NullTranslations:
    """The catalog of a language, read on first use."""
    return _read_catalog(language)


def _(message: str) -> str:
    """`message` in the language of the request."""
    return catalog_of(LANGUAGE.get()).gettext(message)


def ngettext(singular: str, plural: str, number: int) -> str:
    """Translate into the reader's language, with the plural form for `number`."""
    return catalog_of(LANGUAGE.get()).ngettext(singular, plural, number)


def current_locale() -> Locale:
    """With ISO weeks and 24 hours in English too, as the whole system has them."""
    return Locale.parse({"en": "en_GB", "de": "de_DE"}[LANGUAGE.get()])


def choose_language(preferred: Iterable[str]) -> str:
    """The first language we speak of BCP 47 tags in order of preference."""
    for tag in preferred:
        language = tag.strip().lower().partition("-")[0].partition("_")[0]
        if language in LANGUAGES:
            return language
    return DEFAULT


def accepted_languages(header: str) -> list[str]:
    """The tags of `Accept-Language`, best first (RFC 9110 section 12.5.4)."""
    weighted: list[tuple[float, int, str]] = []
    for position, part in enumerate(header.split(",")[:20]):
        tag, _semicolon, parameter = part.partition(";")
        name, _equals, value = parameter.strip().partition("=")
        try:
            weight = float(value) if name == "q" else 1.0
        except ValueError:
            weight = 0.0
        if weight > 0:
            weighted.append((-weight, position, tag.strip()))
    return [tag for _weight, _position, tag in sorted(weighted)]
