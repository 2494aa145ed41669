"""The service as an uploader meets it: real HTTP, batches by key, errors in pages, and whatever
misbehaviour a test orders."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web

PAGE = 2

Fault = Callable[[web.Request], Awaitable[web.StreamResponse | None]]
"""What to answer in the place of the service; None lets it answer."""


@dataclass(frozen=True, slots=True)
class Stored:
    fingerprint: bytes
    batch: dict[str, Any]
    errors: list[dict[str, Any]]


@dataclass(slots=True)
class BatchService:
    """`faults` are used up one for each upload. `unknown` projects are refused."""

    faults: deque[Fault] = field(default_factory=deque)
    unknown: set[str] = field(default_factory=set)
    batches: dict[str, Stored] = field(default_factory=dict)
    entries: dict[str, dict[str, Any]] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    url: str = ""
    errors_are_at: str = ""
    _runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 << 20)
        app.router.add_post("/v1/batches", self._upload)
        app.router.add_get("/v1/batches/{id}/errors", self._errors)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_error: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        self.keys.append(request.headers["Idempotency-Key"])
        self.tokens.append(request.headers["Authorization"])
        fault = self.faults.popleft() if self.faults else None
        answer = await fault(request) if fault else None
        return answer or await self.take(request)

    async def take(self, request: web.Request) -> web.Response:
        """As the service does it, in one step."""
        body = await request.read()
        key = request.headers["Idempotency-Key"]
        fingerprint = hashlib.sha256(request.path_qs.encode() + body).digest()
        stored = self.batches.get(key)
        if stored is not None and stored.fingerprint != fingerprint:
            return problem(422, "This key was used for another request.")
        if stored is not None:
            headers = {"Idempotency-Replayed": "true"}
            return web.json_response(stored.batch, status=201, headers=headers)
        rows = [json.loads(line) for line in body.splitlines()]
        stored = self._stored(fingerprint, rows, request)
        self.batches[key] = stored
        return web.json_response(stored.batch, status=201)

    def _stored(
        self, fingerprint: bytes, rows: list[dict[str, Any]], request: web.Request
    ) -> Stored:
        errors = [
            {
                "line": number,
                "field": "project",
                "code": "unknown_project",
                "message": f"There is no project {row['project']}.",
            }
            for number, row in enumerate(rows, start=1)
            if row["project"] in self.unknown
        ]
        good = [row for row in rows if row["project"] not in self.unknown]
        refused = bool(errors) and request.query.get("on_error") != "skip"
        counts = {"created": 0, "updated": 0, "unchanged": 0}
        for row in [] if refused else good:
            before = self.entries.get(row["external_id"])
            word = "created" if before is None else "unchanged" if before == row else "updated"
            counts[word] += 1
            if request.query.get("dry_run") != "true":
                self.entries[row["external_id"]] = row
        number = f"b{len(self.batches) + 1}"
        address = self.errors_are_at or f"/v1/batches/{number}/errors"
        batch = {"id": number, **counts, "failed": len(errors), "errors": address}
        return Stored(fingerprint, batch, errors)

    async def _errors(self, request: web.Request) -> web.StreamResponse:
        number = request.match_info["id"]
        errors = next(it.errors for it in self.batches.values() if it.batch["id"] == number)
        start = int(request.query.get("cursor", "0"))
        more = start + PAGE < len(errors)
        following = f"{request.path}?cursor={start + PAGE}" if more else None
        return web.json_response({"items": errors[start : start + PAGE], "next": following})


def problem(status: int, detail: str, **headers: str) -> web.Response:
    body = {"title": "no", "status": status, "detail": detail, "request_id": "r-1"}
    kind = "application/problem+json"
    return web.json_response(body, status=status, headers=headers, content_type=kind)


def answers(status: int, detail: str = "Later.", **headers: str) -> Fault:
    async def fault(request: web.Request) -> web.StreamResponse:
        await request.read()
        return problem(status, detail, **headers)

    return fault


async def cut_at_once(request: web.Request) -> web.StreamResponse | None:
    """The connection breaks while the body is on its way."""
    await request.content.readany()
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def cut_after_commit(service: BatchService) -> Fault:
    """The batch is stored, and the answer never arrives."""

    async def fault(request: web.Request) -> web.StreamResponse | None:
        answer = await service.take(request)
        assert request.transport is not None
        request.transport.abort()
        return answer

    return fault
