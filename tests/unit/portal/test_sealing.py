"""Sealed rows of the session database open with the right key and in their own row only."""

from __future__ import annotations

import pytest

from portal.sessions.cipher import Cipher, Unsealable
from portal.sessions.model import is_csrf_token, masked_csrf_token

OLD, NEW = b"o" * 32, b"n" * 32


def test_a_new_key_encrypts_and_the_old_one_still_decrypts() -> None:
    sealed = Cipher([OLD]).seal(b"token", b"row")
    assert Cipher([NEW, OLD]).open(sealed, b"row") == b"token"
    renewed = Cipher([NEW, OLD]).seal(b"token", b"row")
    assert Cipher([NEW]).open(renewed, b"row") == b"token"
    with pytest.raises(Unsealable):
        Cipher([OLD]).open(renewed, b"row")


def test_a_value_does_not_open_in_another_row() -> None:
    sealed = Cipher([OLD]).seal(b"token", b"row")
    with pytest.raises(Unsealable):
        Cipher([OLD]).open(sealed, b"other")


@pytest.mark.parametrize("broken", [b"", b"x", b"\0" * 40])
def test_what_is_broken_does_not_open(broken: bytes) -> None:
    with pytest.raises(Unsealable):
        Cipher([OLD]).open(broken, b"row")


def test_each_page_has_another_token_for_the_same_secret() -> None:
    one, other = masked_csrf_token(NEW), masked_csrf_token(NEW)
    assert one != other
    assert is_csrf_token(one, NEW)
    assert is_csrf_token(other, NEW)
    assert not is_csrf_token(one, OLD)
    assert not is_csrf_token("", NEW)
