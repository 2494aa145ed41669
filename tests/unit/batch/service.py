"""A stand-in for the service: real HTTP, batches by key, errors in pages, and faults on demand."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import UUID

from aiohttp import web

PAGE = 2

Fault = Callable[[web.Request], Awaitable[web.StreamResponse | None]]
"""Returns a response in place of the service's, or None to let the service respond."""


@dataclass(frozen=True, slots=True)
class Stored:
    fingerprint: bytes
    batch: dict[str, Any]
    errors: list[dict[str, Any]]
    rows: list[dict[str, Any]]


@dataclass(slots=True)
class BatchService:
    """`faults` apply to one upload each. Rows of `unknown` projects are rejected, rows whose id is
    in `codes` with that code."""

    faults: deque[Fault] = field(default_factory=deque)
    unknown: set[str] = field(default_factory=set)
    codes: dict[str, str] = field(default_factory=dict)
    locked: set[str] = field(default_factory=set)
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
        app.router.add_delete("/v1/batches/{id}", self._undo)
        app.router.add_get("/v1/batches/{id}/errors", self._errors)
        app.router.add_get("/v1/batches/{id}/rows", self._rows)
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
        response = await fault(request) if fault else None
        return response or await self.accept(request)

    async def accept(self, request: web.Request) -> web.Response:
        """Respond as the service does."""
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
            {"line": number, "field": field, "code": code, "message": message}
            for number, row in enumerate(rows, start=1)
            for field, code, message in self._errors_of(row)
        ]
        errors += [
            {
                "line": 0,
                "field": "external_id",
                "code": "approved",
                "message": "The week is approved.",
                "external_id": external_id,
            }
            for external_id in self._missing(request.query.get("complete", ""), rows)
            if external_id in self.locked
        ]
        failed = {error["line"] for error in errors}
        good = [row for number, row in enumerate(rows, start=1) if number not in failed]
        is_rejected = bool(errors) and request.query.get("on_error") != "skip"
        before = dict(self.entries)
        counts = {"created": 0, "updated": 0, "unchanged": 0, "removed": 0}
        if not is_rejected:
            for row in good:
                counts[self._apply(row)] += 1
            counts["removed"] += self._complete(request.query.get("complete", ""), rows)
        after = dict(self.entries)
        if request.query.get("dry_run") == "true":
            self.entries = dict(before)
        number = str(UUID(int=len(self.batches) + 1))
        address = self.errors_are_at or f"/v1/batches/{number}/errors"
        batch = {"id": number, **counts, "failed": len(errors), "errors": address}
        outcomes = [] if is_rejected else self._outcomes(before, after)
        return Stored(fingerprint, batch, errors, outcomes)

    def _outcomes(
        self, before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """The action on each entry that changed. Removed ones have no fields any more."""
        outcomes = []
        for external_id in before | after:
            was, now = before.get(external_id), after.get(external_id)
            if was != now:
                action = "created" if was is None else "removed" if now is None else "updated"
                shown = self.entries.get(external_id, {})
                entry = {name: shown.get(name) for name in ("date", "project", "minutes")}
                person = (was or now or {})["person"]
                outcomes.append(
                    {"external_id": external_id, "person": person, "action": action, **entry}
                )
        return outcomes

    def _errors_of(self, row: dict[str, Any]) -> list[tuple[str, str, str]]:
        if row.get("project") in self.unknown:
            return [("project", "unknown_project", f"There is no project {row['project']}.")]
        code = self.codes.get(row["external_id"])
        return [("external_id", code, "Not possible.")] if code else []

    def _apply(self, row: dict[str, Any]) -> str:
        before = self.entries.get(row["external_id"])
        if row.get("deleted"):
            self.entries.pop(row["external_id"], None)
            return "unchanged" if before is None else "removed"
        self.entries[row["external_id"]] = row
        return "created" if before is None else "unchanged" if before == row else "updated"

    def _complete(self, days: str, rows: list[dict[str, Any]]) -> int:
        """Remove what is not in a complete file: the number of removed entries."""
        missing = [each for each in self._missing(days, rows) if each not in self.locked]
        for external_id in missing:
            del self.entries[external_id]
        return len(missing)

    def _missing(self, days: str, rows: list[dict[str, Any]]) -> list[str]:
        if not days:
            return []
        first, last = days.split("..")
        ids = {row["external_id"] for row in rows}
        people = {row.get("person") for row in rows}
        return [
            external_id
            for external_id, entry in self.entries.items()
            if external_id not in ids
            and entry["person"] in people
            and first <= entry["date"] <= last
        ]

    async def _undo(self, request: web.Request) -> web.StreamResponse:
        fault = self.faults.popleft() if self.faults else None
        response = await fault(request) if fault else None
        return response or await self.undo(request)

    async def undo(self, request: web.Request) -> web.StreamResponse:
        """Undo a batch that only created entries; `locked` ones are kept."""
        number = request.match_info["id"]
        stored = next((it for it in self.batches.values() if it.batch["id"] == number), None)
        if stored is None:
            return problem(404, "There is no such batch.")
        if not stored.rows:
            return problem(409, "The batch changed nothing.")
        if stored.batch.get("undone"):
            return web.json_response(stored.batch)
        ids = [row["external_id"] for row in stored.rows]
        for external_id in set(ids) - self.locked:
            del self.entries[external_id]
        kept = len(self.locked.intersection(ids))
        stored.batch["undone"] = {"removed": len(ids) - kept, "restored": 0, "kept": kept}
        return web.json_response(stored.batch)

    async def _errors(self, request: web.Request) -> web.StreamResponse:
        return self._page(request, self._stored_by_id(request).errors)

    async def _rows(self, request: web.Request) -> web.StreamResponse:
        return self._page(request, self._stored_by_id(request).rows)

    def _stored_by_id(self, request: web.Request) -> Stored:
        number = request.match_info["id"]
        return next(it for it in self.batches.values() if it.batch["id"] == number)

    def _page(self, request: web.Request, items: list[dict[str, Any]]) -> web.Response:
        start = int(request.query.get("cursor", "0"))
        more = start + PAGE < len(items)
        following = f"{request.path}?cursor={start + PAGE}" if more else None
        return web.json_response({"items": items[start : start + PAGE], "next": following})


def problem(status: int, detail: str, **headers: str) -> web.Response:
    body = {"title": "no", "status": status, "detail": detail, "request_id": "r-1"}
    kind = "application/problem+json"
    return web.json_response(body, status=status, headers=headers, content_type=kind)


def responds(status: int, detail: str = "Later.", **headers: str) -> Fault:
    async def fault(request: web.Request) -> web.StreamResponse:
        await request.read()
        return problem(status, detail, **headers)

    return fault


async def cut_at_once(request: web.Request) -> web.StreamResponse | None:
    """The connection breaks while the body is being sent."""
    await request.content.readany()
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def cut_after_commit(service: BatchService) -> Fault:
    """The batch is stored, and its response is lost."""

    async def fault(request: web.Request) -> web.StreamResponse | None:
        response = await service.accept(request)
        assert request.transport is not None
        request.transport.abort()
        return response

    return fault
