"""A client of one service for tests: speaks HTTP as the caller that the test names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from multidict import CIMultiDictProxy
from prometheus_client.parser import text_string_to_metric_families

from tests.support.issuer import PERSON, Issuer

MANAGER = f"{PERSON} approve:timesheets read:people"
ADMINISTRATOR = f"{MANAGER} manage:timesheets manage:people read:reports"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that has been read to its end."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def json(self) -> Any:
        """The decoded body. Raises `ValueError` if it is no JSON."""
        return json.loads(self.body)

    @property
    def etag(self) -> str:
        """The ETag, with its quotes. Raises `KeyError` without one."""
        return self.headers["ETag"]

    @property
    def codes(self) -> set[tuple[str, str]]:
        """(pointer, code) of each wrong field that a problem tells."""
        return {(error["pointer"], error["code"]) for error in self.json["errors"]}


class Caller:
    """Requests of one person or machine."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str, token: str | None) -> None:
        self._session = session
        self._base_url = base_url
        self._token = token

    async def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send a request with the caller's token, unless `headers` have another, and read the
        reply."""
        sent = dict(headers or {})
        if self._token is not None:
            sent.setdefault("Authorization", f"Bearer {self._token}")
        async with self._session.request(
            method, self._base_url + path, json=json, data=data, headers=sent
        ) as response:
            return Reply(response.status, response.headers, await response.read())

    async def get(self, path: str, **options: Any) -> Reply:
        """Send GET; `options` are those of `request`."""
        return await self.request("GET", path, **options)

    async def post(self, path: str, json: Any = None, **options: Any) -> Reply:
        """Send POST with a JSON body."""
        return await self.request("POST", path, json=json, **options)

    async def put(self, path: str, json: Any = None, **options: Any) -> Reply:
        """Send PUT with a JSON body."""
        return await self.request("PUT", path, json=json, **options)

    async def patch(self, path: str, json: Any = None, **options: Any) -> Reply:
        """Send PATCH with a JSON body."""
        return await self.request("PATCH", path, json=json, **options)

    async def delete(self, path: str, **options: Any) -> Reply:
        """Send DELETE; `options` are those of `request`."""
        return await self.request("DELETE", path, **options)


class Service:
    """A service that listens, and its callers."""

    def __init__(
        self, session: aiohttp.ClientSession, issuer: Issuer, port: int, admin_port: int
    ) -> None:
        self._session = session
        self._issuer = issuer
        self.url = f"http://127.0.0.1:{port}"
        self.admin_url = f"http://127.0.0.1:{admin_port}"

    def caller(self, person: str, scope: str = PERSON) -> Caller:
        """A person whose `sub` is `auth0|<person>`."""
        return self.bearer(self._issuer.token(sub=f"auth0|{person}", scope=scope))

    @property
    def issuer(self) -> str:
        """The address of the issuer."""
        return self._issuer.issuer

    def token(self, **claims: Any) -> str:
        """A token of a person, see `Issuer.token`."""
        return self._issuer.token(**claims)

    def bearer(self, token: str | None) -> Caller:
        """A caller with this token, or without one."""
        return Caller(self._session, self.url, token)

    @property
    def admin(self) -> Caller:
        """The admin port, as the platform sees it."""
        return Caller(self._session, self.admin_url, None)

    async def metric(self, name: str, **labels: str) -> float:
        """The value that Prometheus would read of one series now."""
        text = (await self.admin.get("/metrics")).body.decode()
        [value] = [
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name and sample.labels == labels
        ]
        return value
