"""The app's own part of a person's time, with or without a server."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import httpx

from mobile.core.database import Database
from mobile.core.network import Api
from mobile.core.outbox import Outbox
from mobile.core.rules import Draft
from mobile.core.store import Store
from mobile.core.sync import SyncEngine
from mobile.core.timesheet import LocalTimesheet
from mobile.core.weeks import Week
from mobile.core.wire import Entry, Project
from tests.mobile.support import AppClock

MONDAY = date(2026, 11, 23)
THIS = Week.of(MONDAY)
PROJECTS = [Project("APOLLO", "Apollo", "Big Company"), Project("ZEUS", "Zeus", "Small Company")]


@dataclass
class FixedTokens:
    token: str

    async def access_token(self) -> str:
        return self.token

    async def replace(self, stale: str) -> str:
        return stale


@dataclass
class Device:
    """All that the app holds of a person; `restart` is what a kill and a new start do."""

    database: Database
    clock: AppClock
    api: Api | None = None
    store: Store = field(init=False)
    outbox: Outbox = field(init=False)
    timesheet: LocalTimesheet = field(init=False)

    def __post_init__(self) -> None:
        self.store, self.outbox = Store(self.database), Outbox(self.database)
        self.timesheet = LocalTimesheet(self.store, self.outbox, self.clock)

    def engine(self) -> SyncEngine:
        assert self.api is not None
        return SyncEngine(self.database, self.api, self.clock)

    def restart(self) -> Device:
        path, person = self.database.path, self.database.person
        assert path is not None
        if self.database.connection.in_transaction:
            self.database.connection.rollback()
        self.database.close()
        return Device(Database(path, person), self.clock, self.api)

    def known(self, **changed: Any) -> Entry:
        """An entry received from the server."""
        fields: dict[str, Any] = {"id": "11111111-1111-4111-8111-111111111111", "version": 3}
        fields |= {"date": MONDAY, "project": "APOLLO", "minutes": 60, "note": "before"}
        entry = Entry(**(fields | changed))
        self.store.put_entry(entry)
        return entry


def draft(**changed: Any) -> Draft:
    said: dict[str, Any] = {"date": MONDAY, "project": "APOLLO", "minutes": 60}
    return Draft(**(said | changed))


def api_of(http: httpx.AsyncClient, url: str, token: str) -> Api:
    return Api(http, url, FixedTokens(token))
