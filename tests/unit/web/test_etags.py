from __future__ import annotations

import msgspec
import pytest
from aiohttp.test_utils import make_mocked_request
from aiohttp.web import Request
from multidict import CIMultiDict

from libs.web.etags import (
    etag_of,
    etag_of_representation,
    expected_versions,
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
    ("given", "versions"),
    [
        ('"3"', {3}),
        ('"3.submitted"', {3}),
        ('"3", "4.open"', {3, 4}),
        ('"9","3"', {3, 9}),
        (' , "3",, "4" ,', {3, 4}),
        ('W/"4", "3"', {3}),
        ('W/"3"', set()),
    ],
)
def test_if_match_names_the_versions_of_its_strong_tags(given: str, versions: set[int]) -> None:
    assert expected_versions(changing(given)) == frozenset(versions)


def test_if_match_may_be_given_on_several_lines() -> None:
    headers = CIMultiDict([("If-Match", '"3"'), ("If-Match", '"4"')])
    assert expected_versions(make_mocked_request("PUT", "/", headers=headers)) == frozenset({3, 4})


def test_no_header_and_a_star_expect_no_version() -> None:
    assert expected_versions(make_mocked_request("PUT", "/")) is None
    assert expected_versions(changing("*")) is None


@pytest.mark.parametrize(
    "given", ["3", '"three"', '"3", three', '"3" "4"', '"-1"', "", " , ", '*, "3"']
)
def test_what_is_not_a_tag_of_ours_is_refused(given: str) -> None:
    with pytest.raises(UnprocessableContent):
        expected_versions(changing(given))


def test_if_none_match_may_be_given_on_several_lines() -> None:
    headers = CIMultiDict([("If-None-Match", '"1"'), ("If-None-Match", '"3"')])
    request = make_mocked_request("GET", "/", headers=headers)
    assert resource_response(request, {}, etag_of(3)).status == 304


def test_the_tag_of_a_representation_changes_with_everything_in_it() -> None:
    today, tomorrow = Week(3, can_submit=False), Week(3, can_submit=True)
    tag = etag_of_representation(today)
    assert tag.startswith('"3.')
    assert tag != etag_of_representation(tomorrow)
    assert tag == etag_of_representation({"version": 3, "can_submit": False})
    assert expected_versions(changing(tag)) == frozenset({3})
