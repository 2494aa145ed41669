"""The text of names: which are accepted, how they are ordered and found."""

from __future__ import annotations

import pytest

from services.profile import names


@pytest.mark.parametrize(
    "name",
    ["Erin", "Ünsal Öz", "O'Hara-Smith", "漢字", "Erin 🐝", "नेपाल", "\u0645\u06cc\u200c\u062e"],
)
def test_names_of_any_script_are_accepted(name: str) -> None:
    assert names.is_presentable(name)
    assert names.cleaned_name(name) == name


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        ("A\nB", "A B"),
        ("A\tB", "A B"),
        ("\u202eEvil", "Evil"),
        ("\u200b", ""),
        ("\u200d", "\u200d"),
        ("\u2066Erin\u2069", "Erin"),
        ("Erin\u2028X", "Erin X"),
        ("", ""),
    ],
)
def test_control_characters_and_disguises_are_refused_and_cleaned_away(
    name: str, cleaned: str
) -> None:
    assert not names.is_presentable(name)
    assert names.cleaned_name(name) == cleaned


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Erin", "erin"),
        ("Žofia ÅNGSTRÖM", "zofia angstrom"),
        ("Straße", "strasse"),
        ("e\u0301", "e"),
        ("İstanbul", "istanbul"),
        ("漢字", "漢字"),
    ],
)
def test_case_and_accents_are_folded(text: str, folded: str) -> None:
    assert names.folded(text) == folded


def test_somebody_is_found_by_the_words_of_name_and_email() -> None:
    assert names.search_words("Erin O'Hara-Smith", "Erin.Smith@ExampleCo.com") == (
        "erin",
        "erin.smith@exampleco.com",
        "hara",
        "o",
        "smith",
    )
    assert names.search_words("---", None) == ()


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", ()),
        ("  ", ()),
        ("'&|!", ()),
        ("Erin smith ERIN", ("erin", "smith")),
        ("o'hara", ("o", "hara")),
        ("Erin.Smith@Ex", ("erin.smith@ex",)),
        ("erin@", ("erin",)),
        ("@exampleco", ("exampleco",)),
    ],
)
def test_a_question_is_taken_apart_like_a_name(query: str, words: tuple[str, ...]) -> None:
    assert names.query_prefixes(query) == words


def test_what_a_cursor_holds_of_a_name_has_an_end() -> None:
    assert len(names.sort_key("ß" * 200)) == names.SORTED_LENGTH
