"""The vocabulary check: names, prose, code and exceptions."""

from pathlib import Path

import pytest

from dev.vocabulary import Vocabulary, check

VOCABULARY = Vocabulary(
    names={"Gate": "ConnectionQueue", "Case": "ApprovalWithContext"},
    identifiers={"leash": "supervisor"},
    openers=frozenset({"whoever"}),
    phrases=("as it is",),
    allowed={"Case": "a case of a test table"},
)


def violations(name: str, text: str) -> list[str]:
    return list(check(Path(name), text, VOCABULARY))


@pytest.mark.parametrize("name", ["Gate", "leash", "dog_leash", "DogLeash", "LEASH_LENGTH"])
def test_a_replaced_name_is_reported(name: str) -> None:
    [violation] = violations("a.py", f"first = 1\n{name} = 2\n")

    assert violation.startswith(f"a.py:2: {name}")


@pytest.mark.parametrize("name", ["Gateway", "unleashed", "Case", "queue"])
def test_a_name_with_another_word_is_accepted(name: str) -> None:
    assert violations("a.py", f"{name} = 2\n") == []


@pytest.mark.parametrize(
    "text",
    [
        '"""Whoever waits gets a connection."""',
        '"""Close the pool. Whoever waits fails."""',
        "# Whoever waits fails.",
        "first = 1\n# The pool closes.\n# Whoever waits fails.",
    ],
)
def test_a_sentence_that_starts_with_a_rejected_word_is_reported(text: str) -> None:
    [violation] = violations("a.py", text)

    assert violation.endswith("a sentence starts with 'Whoever': name the subject")


def test_a_comment_on_several_lines_is_one_text() -> None:
    assert violations("a.py", "# A connection goes to\n# whoever waits longest.\n") == []
    assert violations("a.py", "first = 1\n# Sold as\n# it is.\n") == [
        "a.py:2: 'as it is' is not plain English"
    ]


def test_a_phrase_is_reported_with_its_line() -> None:
    [violation] = violations("a.md", "# Pool\n\nThe connection is returned\nAs it is.\n")

    assert violation == "a.md:4: 'as it is' is not plain English"


def test_a_phrase_is_found_across_lines() -> None:
    assert len(violations("a.md", "Sold as\nit is.\n")) == 1


def test_code_in_markdown_is_ignored() -> None:
    assert violations("a.md", "Run `sell as it is`.\n\n```sh\nsell as it is\n```\n") == []


def test_lines_after_a_code_block_keep_their_numbers() -> None:
    assert violations("a.md", "```\ncode\n```\nas it is\n")[0].startswith("a.md:4:")


@pytest.mark.parametrize("name", ["services/a.py", "services/schemas/a.py"])
def test_a_phrase_in_a_text_is_reported(name: str) -> None:
    assert len(violations(name, "text = 'Sold as it is'\n")) == 1


def test_a_sentence_of_a_text_is_checked_where_it_documents_the_api() -> None:
    code = "text = 'Whoever sells'\n"

    assert len(violations("services/schemas/a.py", code)) == 1
    assert violations("mobile/a.py", code) == []


def test_texts_of_tests_are_ignored() -> None:
    assert violations("tests/a.py", "text = 'Sold as it is'\n") == []


def test_each_exception_has_a_reason() -> None:
    assert all(Vocabulary.read().allowed.values())
