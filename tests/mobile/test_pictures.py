"""The picture of the ID token: fetched once, kept, and nothing but a picture."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from mobile.core.pictures import MAX_BYTES, Pictures

PNG = b"\x89PNG\r\n\x1a\n and so on"
ADDRESS = "https://pictures.example/erin"


class Host:
    """Answers each address with what it has for it, and counts."""

    def __init__(self, answers: dict[str, httpx.Response]) -> None:
        self.answers = answers
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self.answers[str(request.url)]


def pictures(folder: Path, host: Host) -> Pictures:
    return Pictures(httpx.AsyncClient(transport=httpx.MockTransport(host)), folder / "pictures")


async def test_a_picture_is_fetched_once_and_stays(tmp_path: Path) -> None:
    host = Host({ADDRESS: httpx.Response(200, content=PNG)})
    for _ in range(2):
        await pictures(tmp_path, host).fetch(ADDRESS)

    kept = pictures(tmp_path, Host({})).path(ADDRESS)
    assert kept is not None
    assert kept.read_bytes() == PNG
    assert len(host.requests) == 1
    assert "Authorization" not in host.requests[0].headers


async def test_a_picture_that_moved_is_followed_but_never_in_the_clear(tmp_path: Path) -> None:
    there, plain = "https://cdn.example/erin.png", "http://cdn.example/erin.png"
    for number, moved in enumerate((there, plain)):
        host = Host(
            {
                ADDRESS: httpx.Response(302, headers={"Location": moved}),
                moved: httpx.Response(200, content=PNG),
            }
        )
        made = pictures(tmp_path / str(number), host)
        await made.fetch(ADDRESS)
        assert (made.path(ADDRESS) is not None) == (moved == there)
        assert all(request.url.scheme == "https" for request in host.requests)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, content=b"<svg onload='alert(1)'/>"),
        httpx.Response(200, content=PNG + b"0" * MAX_BYTES),
        httpx.Response(404, content=PNG),
        httpx.Response(302, headers={"Location": ADDRESS}),
    ],
    ids=["no picture", "too large", "not there", "moves for ever"],
)
async def test_what_is_no_picture_is_passed_over(tmp_path: Path, answer: httpx.Response) -> None:
    made = pictures(tmp_path, Host({ADDRESS: answer}))
    await made.fetch(ADDRESS)

    assert made.path(ADDRESS) is None
    assert not (tmp_path / "pictures").exists()


async def test_without_a_network_there_is_no_picture_and_no_error(tmp_path: Path) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no network", request=request)

    made = Pictures(httpx.AsyncClient(transport=httpx.MockTransport(refuse)), tmp_path)
    await made.fetch(ADDRESS)

    assert made.path(ADDRESS) is None
