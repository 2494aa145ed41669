"""Numbers beside navigation items. They may be a minute old: no page waits for them."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog
from aiohttp import web

from portal.api_client import Api, ApiProblem, ApiUnavailable, StepUpRequired
from portal.sessions.model import Session
from portal.sessions.sessions import SignInRequired

LIFETIME_SECONDS = 60.0
MAX_PEOPLE = 10_000
# More are shown as this many.
MAX_COUNTED = 99

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Badges:
    """The number of weeks that wait for each person. `clock` counts seconds."""

    clock: Callable[[], float] = time.monotonic
    _counts: OrderedDict[str, tuple[float, int]] = field(default_factory=OrderedDict)
    _refreshing: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    def of(self, session: Session, api: Api) -> dict[str, int]:
        """The known numbers by the path of the navigation item; old ones are counted again."""
        if not session.may("approve:timesheets"):
            return {}
        person = session.profile.person
        counted_at, count = self._counts.get(person, (0.0, 0))
        is_fresh = person in self._counts and self.clock() - counted_at < LIFETIME_SECONDS
        if not is_fresh and person not in self._refreshing:
            task = asyncio.create_task(self._count(person, api))
            self._refreshing[person] = task
            task.add_done_callback(lambda _done: self._refreshing.pop(person, None))
        return {"/approvals": count} if count else {}

    def forget(self, person: str) -> None:
        """Count again: the person decided something."""
        self._counts.pop(person, None)

    async def _count(self, person: str, api: Api) -> None:
        try:
            page = await api.get("/v1/approvals", state="pending", limit=MAX_COUNTED)
        except (ApiProblem, ApiUnavailable, SignInRequired, StepUpRequired) as error:
            log.info("badges are not counted", error=repr(error))
            return
        self._counts[person] = (self.clock(), len(page["items"]))
        self._counts.move_to_end(person)
        while len(self._counts) > MAX_PEOPLE:
            self._counts.popitem(last=False)


BADGES = web.AppKey("BADGES", Badges)
