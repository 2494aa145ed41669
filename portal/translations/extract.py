"""`python -m portal.translations.extract`: put every text of the sources into the catalogs."""

from __future__ import annotations

import io
import sys
from pathlib import Path

from babel.messages import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

PORTAL = Path(__file__).parent.parent
METHODS = [("templates/**.html", "jinja2"), ("**.py", "python")]
OPTIONS = {"templates/**.html": {"trimmed": "true", "silent": "false"}}
# Dates would change with every run; there is no mail address for translations.
DROPPED = ('"POT-Creation', '"PO-Revision', '"Report-Msgid', '"Last-Translator', '"Language-Team')
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2)}


def extract() -> Catalog:
    """Every text of the templates and modules."""
    template = Catalog(fuzzy=False)
    found = extract_from_dir(PORTAL, METHODS, OPTIONS, KEYWORDS)
    for file, line, message, comments, context in found:
        template.add(message, None, [(file, line)], auto_comments=comments, context=context)
    return template


def catalog_path(language: str) -> Path:
    """The path of a language's catalog."""
    return PORTAL / "translations" / language / "LC_MESSAGES" / "messages.po"


def read_catalog(language: str) -> Catalog:
    """The language's catalog as it is on disk, or an empty one."""
    path = catalog_path(language)
    if not path.exists():
        return Catalog(locale=language, fuzzy=False)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def update(language: str) -> list[str]:
    """Rewrite the catalog. Returns the texts that still lack a translation."""
    catalog = read_catalog(language)
    catalog.update(extract(), no_fuzzy_matching=True)
    catalog.header_comment = f"# Texts of the portal: {language}."
    catalog.project = "ExampleCo Timesheets"
    # Line numbers would change with every edit.
    for message in catalog:
        message.locations = [(file, 0) for file, _line in message.locations]
    output = io.BytesIO()
    write_po(
        output,
        catalog,
        width=100,
        no_location=True,
        omit_header=False,
        sort_output=True,
        ignore_obsolete=True,
    )
    lines = output.getvalue().decode().splitlines()
    kept = [line for line in lines if not line.startswith(DROPPED)]
    catalog_path(language).write_text("\n".join(kept) + "\n", "utf-8")
    return untranslated(catalog)


def untranslated(catalog: Catalog) -> list[str]:
    """The texts that lack a translation."""
    missing = []
    for message in catalog:
        texts = message.string if isinstance(message.string, tuple | list) else [message.string]
        if message.id and not all(texts):
            missing.append(str(message.id))
    return missing


if __name__ == "__main__":
    for text in update("de"):
        sys.stdout.write(f"{text}\n")
