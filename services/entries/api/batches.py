"""Batches: files of entries from other companies' systems."""

from __future__ import annotations

from dataclasses import astuple
from functools import partial
from uuid import UUID, uuid4

import msgspec
from aiohttp import hdrs, web

from libs.auth import PRINCIPAL, Scope, requires
from libs.postgres.errors import OutcomeUnknown
from libs.postgres.idempotency import StoredResponse, fingerprint_of, idempotency_key, recall
from libs.postgres.pool import DATABASE
from libs.web.app import CLOCK
from libs.web.contract import Contract, endpoint
from libs.web.paging import decode_cursor, page_response
from libs.web.problems import (
    Forbidden,
    NotFound,
    UnprocessableContent,
    UnsupportedMediaType,
)
from libs.web.responses import json_response
from libs.web.validation import query_of
from services.entries.api.cells import csv_line
from services.entries.api.serializers import Json
from services.entries.batches.body import Body
from services.entries.batches.csvfile import CsvReader
from services.entries.batches.lines import Reader
from services.entries.batches.ndjson import NdjsonReader
from services.entries.batches.slots import Slots
from services.entries.batches.uploading import Upload, hash_body, merge, stage
from services.entries.metrics import SERVICE_METRICS
from services.entries.schemas.batches import (
    BatchAnswer,
    BatchErrorPage,
    BatchQuery,
    BatchQuerySchema,
    ErrorsQuery,
    ErrorsQuerySchema,
)
from services.entries.store import batches as store
from services.entries.store.batches import Batch
from services.entries.store.sessions import Patience, open_session

CSV, NDJSON = "text/csv", "application/x-ndjson"
BATCH = "/v1/batches/{id:[0-9a-fA-F-]{36}}"

EACH_CLIENT, EVERYBODY = 2, 8
PATIENCE = Patience(statement=600.0, lock=60.0)
ERRORS_A_PAGE_OF_CSV = 1000


class ErrorKey(msgspec.Struct, array_like=True):
    """Where a page of errors ends."""

    line: int
    field: str


class Told(msgspec.Struct):
    """What is counted of an answer."""

    state: str
    created: int


def batch_routes() -> list[web.RouteDef]:
    """The routes, which together count how many uploads run."""
    slots = Slots(EACH_CLIENT, EVERYBODY)

    @requires(Scope.BATCH_UPLOAD)
    @endpoint(
        Contract(
            summary="Upload a file of entries",
            description=(
                "CSV with a header, or a JSON object a line; UTF-8, plain or gzip, of any length. "
                "Fields: external_id, person (sub, e-mail or external id), date, project, minutes "
                "or hours (decimal or H:MM), task, note, billable. The same external_id again "
                "changes the entry. A file that can be read is answered with 201, also where its "
                "rows are wrong: look at `failed`. The same Idempotency-Key with the same file "
                "is the same batch."
            ),
            query=BatchQuerySchema(),
            answers={201: BatchAnswer()},
            problems=(400, 408, 413, 415, 422, 429),
            headers=("Idempotency-Key", "Content-Encoding"),
            consumes=(CSV, NDJSON),
        )
    )
    async def create_batch(request: web.Request) -> web.StreamResponse:
        query, client = query_of(request, BatchQuery), _client(request)
        upload = Upload(
            id=uuid4(),
            client=client,
            key=idempotency_key(request, required=True) or "",
            skips_errors=query.on_error == "skip",
            dry_run=query.dry_run,
            now=request.app[CLOCK].now(),
            fingerprint=partial(fingerprint_of, request.method, request.path_qs),
            answer=_answer,
        )
        reader, body = _reader(request), Body(request)
        with slots.one(client):
            answer = await _take(request, upload, body, reader)
        if not answer.replayed:
            _count(request, answer)
        return answer.response()

    return [
        web.post("/v1/batches", create_batch),
        web.get(BATCH, show_batch, allow_head=False),
        web.get(f"{BATCH}/errors", list_errors, allow_head=False),
    ]


@requires(Scope.BATCH_UPLOAD)
@endpoint(Contract(summary="Read a batch", answers={200: BatchAnswer()}, problems=(404,)))
async def show_batch(request: web.Request) -> web.Response:
    return json_response(_shape(await _own_batch(request)))


@requires(Scope.BATCH_UPLOAD)
@endpoint(
    Contract(
        summary="List what was wrong with a batch, by line",
        query=ErrorsQuerySchema(),
        answers={200: BatchErrorPage()},
        problems=(404,),
        headers=("Accept",),
        produces=("application/json", CSV),
    )
)
async def list_errors(request: web.Request) -> web.StreamResponse:
    query, batch = query_of(request, ErrorsQuery), await _own_batch(request)
    if query.format == "csv" or (query.format is None and _prefers_csv(request)):
        return await _send_csv(request, batch)
    key = decode_cursor(query.cursor, ErrorKey) or ErrorKey(0, "")
    async with request.app[DATABASE].connection() as connection:
        found = await store.list_errors(connection, batch.id, key.line, key.field, query.limit + 1)
    page = found[: query.limit]
    following = ErrorKey(page[-1].line, page[-1].field) if len(found) > query.limit else None
    return page_response(request, page, following)


async def _take(request: web.Request, upload: Upload, body: Body, reader: Reader) -> StoredResponse:
    if await _is_known(request, upload):
        return await _replay(request, upload, await hash_body(body))
    async with open_session(request.app[DATABASE], PATIENCE) as session:
        number_of_rows = await stage(session, body, reader)
        work = partial(merge, upload=upload, number_of_rows=number_of_rows, digest=body.digest)
        try:
            return await session.transact(work)
        except OutcomeUnknown:
            return await _replay(request, upload, body.digest)


async def _is_known(request: web.Request, upload: Upload) -> bool:
    """Whether the key was used; for what, only the whole body can tell."""
    try:
        async with request.app[DATABASE].connection() as connection:
            return await recall(connection, upload.source, upload.key, b"") is not None
    except UnprocessableContent:
        return True


async def _replay(request: web.Request, upload: Upload, digest: bytes) -> StoredResponse:
    async with request.app[DATABASE].connection() as connection:
        fingerprint = upload.fingerprint(digest)
        stored = await recall(connection, upload.source, upload.key, fingerprint)
    if stored is None:
        raise OutcomeUnknown("Nobody knows yet what became of this. Send it again.")
    return stored


def _count(request: web.Request, answer: StoredResponse) -> None:
    told, figures = msgspec.json.decode(answer.body, type=Told), request.app[SERVICE_METRICS]
    figures.count_batch(told.state)
    if told.state == "applied":
        figures.count_entries("batch", told.created)


def _client(request: web.Request) -> str:
    client = request[PRINCIPAL].client_id
    if client is None:
        raise Forbidden("Only an application can upload: this token names none.")
    return client


def _reader(request: web.Request) -> Reader:
    if request.charset not in (None, "utf-8", "UTF-8"):
        raise UnsupportedMediaType("The file must be UTF-8.")
    if request.content_type == CSV:
        return CsvReader()
    if request.content_type == NDJSON:
        return NdjsonReader()
    raise UnsupportedMediaType(f"The body must be {CSV} or {NDJSON}.")


def _answer(batch: Batch) -> StoredResponse:
    response = json_response(_shape(batch), status=201, headers={"Location": _address(batch)})
    return StoredResponse.of(response)


async def _own_batch(request: web.Request) -> Batch:
    try:
        batch_id = UUID(request.match_info["id"])
    except ValueError as error:
        raise NotFound("There is no such batch.") from error
    async with request.app[DATABASE].connection() as connection:
        batch = await store.read_batch(connection, _client(request), batch_id)
    if batch is None:
        raise NotFound("There is no such batch.")
    return batch


def _shape(batch: Batch) -> Json:
    return {
        "id": batch.id,
        "state": _state(batch),
        "on_error": "skip" if batch.skips_errors else "fail",
        "dry_run": batch.dry_run,
        "rows": batch.rows,
        "created": batch.created,
        "updated": batch.updated,
        "unchanged": batch.unchanged,
        "failed": batch.failed,
        "errors": f"{_address(batch)}/errors",
        "created_at": batch.created_at,
    }


def _state(batch: Batch) -> str:
    if batch.dry_run:
        return "dry_run"
    return "refused" if batch.refused else "applied"


def _address(batch: Batch) -> str:
    return f"/v1/batches/{batch.id}"


def _prefers_csv(request: web.Request) -> bool:
    return CSV in request.headers.get(hdrs.ACCEPT, "")


async def _send_csv(request: web.Request, batch: Batch) -> web.StreamResponse:
    """All errors at once, read page by page: a connection is held only while it is read from."""
    response = web.StreamResponse(headers={"Content-Type": f"{CSV}; charset=utf-8"})
    await response.prepare(request)
    await response.write(csv_line(("line", "field", "code", "message")))
    key = ErrorKey(0, "")
    while True:
        async with request.app[DATABASE].connection() as connection:
            errors = await store.list_errors(
                connection, batch.id, key.line, key.field, ERRORS_A_PAGE_OF_CSV
            )
        if not errors:
            break
        await response.write(b"".join(csv_line(astuple(error)) for error in errors))
        key = ErrorKey(errors[-1].line, errors[-1].field)
    await response.write_eof()
    return response
