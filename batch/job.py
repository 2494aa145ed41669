"""One upload from the file to the summary."""

import asyncio
import hashlib
import itertools
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass

import aiohttp

from batch.answers import RowError, Uploaded
from batch.body import Body
from batch.conversion import Conversion, Tally
from batch.formats import FORMATS, Context
from batch.identity import Identities
from batch.journal import Journal
from batch.maps import People, Projects
from batch.options import Mode, OnError, Options
from batch.outcome import BatchError
from batch.progress import Reporter
from batch.refusals import KEPT, Refusal, Refusals
from batch.retries import Retries
from batch.settings import Settings
from batch.source import Source
from batch.summary import Summary
from batch.upload import TIMEOUTS, Timeouts, Uploader
from libs.auth import MachineTokens


@dataclass(frozen=True, slots=True)
class Job:
    """`settings` may be missing where nothing is sent."""

    options: Options
    settings: Settings | None
    journal: Journal
    reporter: Reporter
    retries: Retries
    timeouts: Timeouts = TIMEOUTS
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def run(self) -> Summary:
        """Raises `BatchError` where the rows were not even judged."""
        began = time.monotonic()
        with Refusals(self.options.errors) as refusals:
            conversion = self._conversion()
            identities = Identities(self.options.form)
            with self.reporter.bar("Reading", conversion.source.size) as progress:
                tally = conversion.survey(identities, refusals, progress)
            notes, sent, uploaded = _notes(tally), 0, None
            if tally.ready and self._is_to_send(tally):
                with closing(self._body(conversion, identities)) as body:
                    sent = len(body.lines)
                    uploaded = await self._upload(body, conversion, refusals, notes)
            return Summary(
                options=self.options,
                tally=tally,
                sent=sent,
                uploaded=uploaded,
                refusals=refusals,
                notes=tuple(notes),
                seconds=time.monotonic() - began,
            )

    def _conversion(self) -> Conversion:
        options = self.options
        context = Context(
            people=People.read(options.people) if options.people else People(),
            projects=Projects.read(options.projects) if options.projects else Projects(),
        )
        source = Source(options.path, options.encoding)
        conversion = Conversion(source, FORMATS[options.form], context)
        return conversion.with_order(options.date_order)

    def _is_to_send(self, tally: Tally) -> bool:
        """A dry run tells of all rows that can be read, whatever the others are like."""
        options = self.options
        all_or_nothing = options.mode is Mode.UPLOAD and options.on_error is OnError.FAIL
        return options.mode is not Mode.CHECK and not (all_or_nothing and tally.unreadable)

    def _body(self, conversion: Conversion, identities: Identities) -> Body:
        with self.reporter.bar("Converting", conversion.source.size) as progress:
            return conversion.body(identities, progress)

    async def _upload(
        self, body: Body, conversion: Conversion, refusals: Refusals, notes: list[str]
    ) -> Uploaded:
        async with self._uploader(body) as uploader:
            uploaded = await self._send(uploader, body)
            if uploaded.report.failed:
                errors = uploader.errors(uploaded.report)
                try:
                    await _collect(errors, body, conversion.source, refusals)
                except BatchError as error:
                    # What happened to the rows stands; only the reasons are missing.
                    notes.append(f"The reasons could not all be fetched: {error}")
        return uploaded

    @asynccontextmanager
    async def _uploader(self, body: Body) -> AsyncIterator[Uploader]:
        settings = self.settings
        if settings is None:
            raise AssertionError("nothing can be sent without settings")
        with self.reporter.bar("Uploading", body.size) as sent:
            async with _session(self.timeouts) as session:
                tokens = MachineTokens(
                    session,
                    settings.token_url,
                    settings.client_id,
                    settings.client_secret,
                    settings.audience,
                )
                try:
                    yield Uploader(
                        session,
                        tokens,
                        settings.api_url,
                        retries=self.retries,
                        tell=self.reporter.tell,
                        sent=sent,
                        timeouts=self.timeouts,
                        sleep=self.sleep,
                    )
                finally:
                    await tokens.close()

    async def _send(self, uploader: Uploader, body: Body) -> Uploaded:
        """The same rows for the same place have the same key, on this machine or another, so what
        broke off goes on as what it was.

        An upload that had been finished is another matter: somebody sends the file once more, may
        be after changing entries by another file, or after mending why its rows were refused. To
        be told the old answer would leave it undone, so it is sent under a new key.
        """
        query = self.options.query
        if self.options.mode is Mode.DRY_RUN:
            return await uploader.send(body, str(uuid.uuid4()), query)
        upload = self._name(body, query)
        resumed = self.journal.pending(upload)
        key = resumed or upload
        self.journal.begin(upload, key)
        uploaded = await uploader.send(body, key, query)
        if uploaded.was_replayed and uploaded.attempts == 1 and resumed is None:
            key = f"{upload}-{uuid.uuid4().hex[:16]}"
            self.journal.begin(upload, key)
            uploaded = await uploader.send(body, key, query)
        self.journal.end(upload)
        return uploaded

    def _name(self, body: Body, query: Mapping[str, str]) -> str:
        settings = self.settings
        where = (settings.api_url, settings.client_id) if settings is not None else ()
        parts = (*where, *itertools.chain(*sorted(query.items())))
        return hashlib.sha256(body.digest + "\n".join(parts).encode()).hexdigest()


@asynccontextmanager
async def _session(timeouts: Timeouts) -> AsyncIterator[aiohttp.ClientSession]:
    # No limit on the whole: a long upload is no mistake as long as it moves.
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=timeouts.connect)
    async with aiohttp.ClientSession(timeout=timeout, trust_env=True) as session:
        yield session


async def _collect(
    errors: AsyncIterator[RowError], body: Body, source: Source, refusals: Refusals
) -> None:
    """Note the service's refusals, at the lines of the file."""
    cells = _Cells(source)
    async for error in errors:
        line = body.line_of(error.line)
        refusal = Refusal(line, error.field or "row", error.message, "service")
        refusals.add(refusal, cells.at(line) if refusals.wants_all else {})
        if not refusals.wants_all and len(refusals.kept) >= KEPT:
            return


class _Cells:
    """The rows of the file at lines that mostly ascend: it is read along with them."""

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


def _notes(tally: Tally) -> list[str]:
    """What was done to the rows that their owners should know."""
    notes = []
    if tally.rounded:
        notes.append(
            f"Rounded to the nearest minute, half a minute up: {_rows(tally.rounded)} with seconds "
            "or fractions of a minute."
        )
    if tally.over_midnight:
        notes.append(
            f"Over midnight: {_rows(tally.over_midnight)}; the whole time is on the day on which "
            "it began."
        )
    if tally.short:
        notes.append(
            f"Shorter than the first line: {_rows(tally.short)}; the cells that are missing count "
            "as empty."
        )
    return notes


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"
