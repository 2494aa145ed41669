"""POST /v1/batches: a file of entries."""

from __future__ import annotations

from functools import partial
from uuid import uuid4

import msgspec
from aiohttp import web

from libs.auth import Scope, requires
from libs.postgres.idempotency import StoredResponse, fingerprint_of, idempotency_key
from libs.postgres.pool import DATABASE
from libs.web.app import CLOCK
from libs.web.concurrency import ConcurrencyLimit
from libs.web.contract import Contract, endpoint
from libs.web.problems import (
    ContentTooLarge,
    FieldError,
    UnprocessableContent,
    UnsupportedMediaType,
)
from libs.web.request_body import is_utf8
from libs.web.resources import answer_schema
from libs.web.responses import json_response
from libs.web.validation import query_of
from services.entries.batches.api.access import uploading_client
from services.entries.batches.api.request_body import FileBody
from services.entries.batches.api.serializers import BatchView, batch_address, serialize_batch
from services.entries.batches.commands.upload import Upload, upload_file
from services.entries.batches.model import Batch, Client, FileTooLarge, UnreadableFile
from services.entries.batches.readers.csv_reader import CsvReader
from services.entries.batches.readers.lines import Reader
from services.entries.batches.readers.ndjson_reader import NdjsonReader
from services.entries.batches.schemas import BatchQuery, BatchQuerySchema
from services.entries.metrics import SERVICE_METRICS

CSV, NDJSON = "text/csv", "application/x-ndjson"
UPLOADS_PER_CLIENT, UPLOADS, RESERVED_UPLOADS = 2, 8, 2


class _Outcome(msgspec.Struct):
    """The members of the response that metrics count."""

    state: str
    created: int


def upload_routes() -> list[web.RouteDef]:
    """The route of uploads, which counts how many of them run."""
    limit = ConcurrencyLimit(UPLOADS_PER_CLIENT, UPLOADS, RESERVED_UPLOADS)

    @requires(Scope.BATCH_UPLOAD)
    @endpoint(
        Contract(
            summary="Upload a file of entries",
            description=(
                "CSV with a header, or a JSON object per line; UTF-8, plain or gzip, of any "
                "length. Fields: external_id, person (sub, e-mail or external id), date, project, "
                "minutes or hours (decimal or H:MM), task, note, billable, deleted. A row with a "
                "known external_id changes that entry, or removes it if `deleted` is true. A file "
                "that can be read is answered with 201 even if rows are invalid: check `failed`. "
                "The same Idempotency-Key with the same file is the same batch."
            ),
            query=BatchQuerySchema(),
            answers={201: answer_schema(BatchView)()},
            problems=(400, 408, 413, 415, 422, 429),
            headers=("Idempotency-Key", "Content-Encoding"),
            required_headers=("Idempotency-Key",),
            consumes=(CSV, NDJSON),
        )
    )
    async def create_batch(request: web.Request) -> web.StreamResponse:
        upload = _upload_of(request, query_of(request, BatchQuery))
        reader, body = _reader_of(request), FileBody(request)
        with limit.slot(upload.client.id) as slot:
            slot.work = body
            try:
                response = await upload_file(request.app[DATABASE], upload, body, reader)
            except UnreadableFile as error:
                raise UnprocessableContent(_field_errors(error)) from error
            except FileTooLarge as error:
                raise ContentTooLarge(str(error), headers={"Connection": "close"}) from error
        if not response.replayed:
            _count(request, response)
        return response.response()

    return [web.post("/v1/batches", create_batch)]


def _upload_of(request: web.Request, query: BatchQuery) -> Upload:
    return Upload(
        id=uuid4(),
        client=Client(uploading_client(request)),
        key=idempotency_key(request, required=True) or "",
        skips_errors=query.on_error == "skip",
        dry_run=query.dry_run,
        complete=query.complete,
        now=request.app[CLOCK].now(),
        fingerprint=partial(fingerprint_of, request.method, request.path_qs),
        respond=_respond,
    )


def _reader_of(request: web.Request) -> Reader:
    if not is_utf8(request):
        raise UnsupportedMediaType("The file must be UTF-8.")
    if request.content_type == CSV:
        return CsvReader()
    if request.content_type == NDJSON:
        return NdjsonReader()
    raise UnsupportedMediaType(f"The body must be {CSV} or {NDJSON}.")


def _field_errors(error: UnreadableFile) -> list[FieldError]:
    return [
        FieldError(f"/{broken.field}" if broken.field else "", broken.message, broken.code)
        for broken in error.violations
    ]


def _respond(batch: Batch) -> StoredResponse:
    headers = {"Location": batch_address(batch)}
    return StoredResponse.of(json_response(serialize_batch(batch), status=201, headers=headers))


def _count(request: web.Request, response: StoredResponse) -> None:
    outcome = msgspec.json.decode(response.body, type=_Outcome)
    metrics = request.app[SERVICE_METRICS]
    metrics.count_batch(outcome.state)
    if outcome.state == "applied":
        metrics.count_entries("batch", outcome.created)
