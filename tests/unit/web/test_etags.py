from __future__ import annotations

import msgspec
import pytest
from aiohttp.test_utils import make_mocked_request
from aiohttp.web import Request

from libs.web.etags import (
    NO_VERSION,
    etag_of,
    etag_of_representation,
    expected_version,
    resource_response,
)
from libs.web.problems import UnprocessableContent


class Week(msgspec.Struct):
    version: int
    can_submit: bool


def reading(if_none_match: str) -> Request:
    return make_mocked_request("GET", "/", headers={"If-None-Match": if_none_match})


def changing(if_match: str) -> Request:
    return make_mocked_request("PUT", "/", headers={"If-Match": if_match})


@pytest.mark.parametrize("given", ['"3.a"', 'W/"3.a"', '"1", W/"3.a"', '"1","3.a"', "*"])
def test_a_known_tag_is_304_weak_or_listed(given: str) -> None:
    response = resource_response(reading(given), {}, etag_of(3, "a"))
    assert (response.status, response.headers["ETag"]) == (304, '"3.a"')


@pytest.mark.parametrize("given", ['"3"', 'W/"3.b"', '"4.a", "5.a"', "3.a"])
def test_another_tag_is_200(given: str) -> None:
    assert resource_response(reading(given), {}, etag_of(3, "a")).status == 200


@pytest.mark.parametrize(
    ("given", "version"),
    [
        ('"3"', 3),
        ('"3.submitted"', 3),
        ('"3", "4.open"', 4),
        ('W/"4", "3"', 3),
        ('W/"3"', NO_VERSION),
        ("*", None),
    ],
)
def test_if_match_compares_strongly_with_the_newest_tag_named(
    given: str, version: int | None
) -> None:
    assert expected_version(changing(given)) == version


@pytest.mark.parametrize("given", ["3", '"three"', '"3", three', '"3" "4"', '"-1"'])
def test_what_is_not_a_tag_of_ours_is_refused(given: str) -> None:
    with pytest.raises(UnprocessableContent):
        expected_version(changing(given))


def test_the_tag_of_a_representation_changes_with_everything_in_it() -> None:
    today, tomorrow = Week(3, can_submit=False), Week(3, can_submit=True)
    tag = etag_of_representation(today)
    assert tag.startswith('"3.')
    assert tag != etag_of_representation(tomorrow)
    assert tag == etag_of_representation({"version": 3, "can_submit": False})
    assert expected_version(changing(tag)) == 3
