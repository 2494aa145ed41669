import json
import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from libs.auth.jws import decode_base64url
from libs.auth.strict_json import MAX_DEPTH, InvalidDocument, parse_object
from tests.support.issuer import base64url

ALPHABET = string.ascii_letters + string.digits + "-_"
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**80), 2**80)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.binary(min_size=1))
def test_what_was_encoded_is_decoded(data: bytes) -> None:
    assert decode_base64url(base64url(data).encode()) == data


@given(st.text(alphabet=ALPHABET, min_size=1, max_size=9))
@example("AB")
@example("AAB")
def test_no_two_spellings_decode_to_the_same(text: str) -> None:
    try:
        decoded = decode_base64url(text.encode())
    except ValueError:
        return
    assert base64url(decoded) == text


@given(st.binary(max_size=9).filter(lambda text: not set(text) <= set(ALPHABET.encode())))
def test_no_character_outside_the_alphabet_is_decoded(text: bytes) -> None:
    with pytest.raises(ValueError, match="base64"):
        decode_base64url(text)


@pytest.mark.parametrize("text", [b"", b"A", b"AAAAA", b"AA==", b"AAA=", b"A-+_", b"AA A", b"AA\n"])
def test_only_the_canonical_form_is_decoded(text: bytes) -> None:
    with pytest.raises(ValueError, match="base64"):
        decode_base64url(text)


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"{", id="half"),
        pytest.param(b"{}{}", id="two"),
        pytest.param(b"{} x", id="a rest"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b'"text"', id="a text"),
        pytest.param(b"null", id="null"),
        pytest.param(b'{"a":1,"a":1}', id="a name twice"),
        pytest.param(b'{"a":1,"\\u0061":1}', id="a name twice in two spellings"),
        pytest.param(b'{"a":{"b":1,"b":2}}', id="a name twice further down"),
        pytest.param(b'{"a":[{"b":1,"b":2}]}', id="a name twice in a list"),
        pytest.param(b'{"a":NaN}', id="NaN"),
        pytest.param(b'{"a":-Infinity}', id="Infinity"),
        pytest.param(b'{"a":' + b"9" * 5000 + b"}", id="a number of 5000 digits"),
        pytest.param(b"{'a':1}", id="single quotes"),
        pytest.param(b'{"a":1,}', id="a trailing comma"),
        pytest.param(b'{"a":1/**/}', id="a comment"),
        pytest.param(b'{"a":"\n"}', id="a bare line break in a text"),
        pytest.param(b"\xef\xbb\xbf{}", id="a byte order mark"),
        pytest.param('{"a":1}'.encode("utf-16"), id="UTF-16"),
        pytest.param(b'{"a":"\xff"}', id="not UTF-8"),
        pytest.param(b'{"a":"\xed\xa0\x80"}', id="a surrogate in UTF-8"),
        pytest.param(b"\x00{}", id="a NUL before"),
        pytest.param(b"{}\x0c", id="a form feed after"),
        pytest.param(b"\xc2\xa0{}", id="a no-break space before"),
        pytest.param(b'{"a":' + b"[" * 100_000, id="100,000 lists begun"),
        pytest.param(b'{"a":' * 900 + b"1" + b"}" * 900, id="900 objects deep"),
        pytest.param(
            b'{"a":' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}", id="one deeper than allowed"
        ),
    ],
)
def test_what_parsers_disagree_about_is_refused(document: bytes) -> None:
    with pytest.raises(InvalidDocument):
        parse_object(document)


def test_an_object_is_read_whatever_blanks_surround_it() -> None:
    assert parse_object(b' \r\n\t{"a": ["\\u00e9", "\xc3\xa9", -1.5e1]}\n') == {
        "a": ["é", "é", -15.0]
    }


@given(st.dictionaries(st.text(), VALUES, max_size=5), st.booleans())
def test_with_blanks_or_without_an_object_says_the_same(
    members: dict[str, object], ascii_only: bool
) -> None:
    texts = (
        json.dumps(members, ensure_ascii=ascii_only, separators=separators)
        for separators in ((",", ":"), (" ,", " : "))
    )
    read = [parse_object(text.encode()) for text in texts]
    assert repr(read[0]) == repr(read[1]) == repr(json.loads(json.dumps(members)))


def test_the_deepest_allowed_nesting_is_read() -> None:
    depth = MAX_DEPTH - 1
    assert parse_object(b'{"a":' + b"[" * depth + b"]" * depth + b"}")


def test_many_brackets_side_by_side_are_not_depth() -> None:
    assert parse_object(b'{"a":[' + b"[]," * 100 + b'"[[[[{{{{"]}')
