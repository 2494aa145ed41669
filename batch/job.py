"""One upload, from the file to the summary."""

import asyncio
import hashlib
import itertools
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass

from batch.connection import connect
from batch.conversion import Conversion, RowCounts
from batch.errors import BatchError
from batch.external_ids import ExternalIds
from batch.failed_rows import MAX_KEPT, FailedRow, FailedRows
from batch.formats import FORMATS, Context, columns_format
from batch.journal import Journal
from batch.maps import PeopleMap, ProjectMap
from batch.notes import reading_notes, removal_notes
from batch.options import Mode, OnError, Options
from batch.progress import Reporter
from batch.request_body import RequestBody
from batch.responses import RowError, RowOutcome, UploadResult
from batch.retries import Retries
from batch.settings import Settings
from batch.source import Source
from batch.summary import MAX_SHOWN, Summary
from batch.upload import TIMEOUTS, Timeouts, Uploader


@dataclass(frozen=True, slots=True)
class Job:
    """`settings` may be None if nothing is sent."""

    options: Options
    settings: Settings | None
    journal: Journal
    reporter: Reporter
    retries: Retries
    timeouts: Timeouts = TIMEOUTS
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def run(self) -> Summary:
        """Raises `BatchError` if the upload fails as a whole."""
        began = time.monotonic()
        with FailedRows(self.options.errors) as failed:
            conversion, ids = self._conversion(), ExternalIds()
            with self.reporter.progress_bar("Reading", conversion.source.size) as progress:
                counts = conversion.scan(ids, failed, progress)
            notes = reading_notes(conversion, counts)
            notes += removal_notes(self.options, counts, is_own=conversion.file_format.is_own)
            sent, result, removed = 0, None, list[RowOutcome]()
            if self._is_to_be_sent(counts):
                with closing(self._body(conversion, ids)) as body:
                    sent = len(body.lines)
                    result = await self._upload(body, conversion, failed, removed, notes)
            return Summary(
                options=self.options,
                counts=counts,
                sent=sent,
                result=result,
                failed_rows=failed,
                removed=tuple(removed),
                notes=tuple(notes),
                seconds=time.monotonic() - began,
            )

    def _conversion(self) -> Conversion:
        options = self.options
        file_format = (
            columns_format(options.columns) if options.columns else FORMATS[options.file_format]
        )
        context = Context(
            people=PeopleMap.read(options.people) if options.people else PeopleMap(),
            projects=ProjectMap.read(options.projects) if options.projects else ProjectMap(),
            complete=options.complete,
            with_breaks=options.with_breaks,
        )
        source = Source(options.path, options.encoding)
        return Conversion(source, file_format, context).with_order(options.date_order)

    def _is_to_be_sent(self, counts: RowCounts) -> bool:
        """A dry run reports on all valid rows. An upload needs every row to be valid, unless
        failed rows are skipped; a complete upload always does, because the entries of invalid
        rows would be removed."""
        options = self.options
        if counts.is_empty and not options.also:
            return False
        if options.mode is not Mode.UPLOAD:
            return options.mode is Mode.DRY_RUN
        needs_all = options.on_error is OnError.FAIL or options.complete is not None
        return not (needs_all and counts.invalid)

    def _body(self, conversion: Conversion, ids: ExternalIds) -> RequestBody:
        with self.reporter.progress_bar("Converting", conversion.source.size) as progress:
            return conversion.body(ids, progress, self.options.also)

    async def _upload(
        self,
        body: RequestBody,
        conversion: Conversion,
        failed: FailedRows,
        removed: list[RowOutcome],
        notes: list[str],
    ) -> UploadResult:
        """Send the body, and fetch what the summary shows about the batch."""
        async with self._uploader(body) as uploader:
            result = await self._send(uploader, body)
            try:
                if result.report.failed:
                    errors = uploader.errors(result.report)
                    await _collect(errors, body, conversion.source, failed)
                if result.report.removed:
                    await _collect_removed(uploader.removed(result.report), removed)
            except BatchError as error:
                # The batch is stored; only the details are missing.
                notes.append(f"Not all details could be fetched: {error}")
        return result

    @asynccontextmanager
    async def _uploader(self, body: RequestBody) -> AsyncIterator[Uploader]:
        if self.settings is None:
            raise AssertionError("nothing can be sent without settings")
        with self.reporter.progress_bar("Uploading", body.size) as sent:
            async with connect(
                self.settings,
                self.retries,
                self.reporter.report,
                sent=sent,
                timeouts=self.timeouts,
                sleep=self.sleep,
            ) as uploader:
                yield uploader

    async def _send(self, uploader: Uploader, body: RequestBody) -> UploadResult:
        """Send the body under a key that is derived from it, so that an interrupted upload is
        resumed, from this machine or another.

        An upload that was already finished is sent again under a new key: other files may have
        changed its entries since, or the reason for its failed rows was resolved. The replayed
        response of the first time would hide that.
        """
        query = self.options.query
        if self.options.mode is Mode.DRY_RUN:
            return await uploader.send(body, str(uuid.uuid4()), query)
        upload = self._name(body, query)
        resumed = self.journal.pending_key(upload)
        key = resumed or upload
        self.journal.begin(upload, key)
        result = await uploader.send(body, key, query)
        if result.was_replayed and result.attempts == 1 and resumed is None:
            key = f"{upload}-{uuid.uuid4().hex[:16]}"
            self.journal.begin(upload, key)
            result = await uploader.send(body, key, query)
        self.journal.end(upload)
        return result

    def _name(self, body: RequestBody, query: Mapping[str, str]) -> str:
        settings = self.settings
        target = (settings.api_url, settings.client_id) if settings is not None else ()
        parts = (*target, *itertools.chain(*sorted(query.items())))
        return hashlib.sha256(body.digest + "\n".join(parts).encode()).hexdigest()


async def _collect(
    errors: AsyncIterator[RowError], body: RequestBody, source: Source, failed: FailedRows
) -> None:
    """Add the rows that the service rejected, by their lines in the file."""
    cells = _CellsByLine(source)
    async for error in errors:
        line = body.line_of(error.line)
        message = error.message if error.line else _missing_entry(error)
        row = FailedRow(line, error.field or "row", message, "service", error.code)
        failed.add(row, cells.at(line) if failed.are_all_written else {})
        if not failed.are_all_written and len(failed.kept) >= MAX_KEPT:
            return


async def _collect_removed(rows: AsyncIterator[RowOutcome], removed: list[RowOutcome]) -> None:
    async for row in rows:
        removed.append(row)
        if len(removed) == MAX_SHOWN:
            return


def _missing_entry(error: RowError) -> str:
    return f"The entry {error.external_id} is not in the file and was not removed: {error.message}"


class _CellsByLine:
    """The cells at lines that mostly ascend: the file is read along with them."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._rows: Iterator[tuple[int, Mapping[str, str]]] = iter(())
        self._line = 0
        self._cells: Mapping[str, str] = {}

    def at(self, line: int) -> Mapping[str, str]:
        if line < self._line or self._line == 0:
            self._rows = ((item.line, item.cells) for item in self._source.items())
            self._line, self._cells = 0, {}
        while self._line < line:
            found = next(self._rows, None)
            if found is None:
                return {}
            self._line, self._cells = found
        return self._cells if self._line == line else {}
