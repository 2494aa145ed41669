"""Publishes everybody once when a release adds fields to `person.changed`.

Otherwise other services would learn the new fields of a person with the next change only.
"""

from __future__ import annotations

from datetime import datetime

import asyncpg

from libs.changes import Actor
from libs.feed.events import deferred_publish
from libs.postgres.pool import Database
from libs.postgres.shares import Share
from services.profile.events import PUBLISHED, publish_changed
from services.profile.store import people as store
from services.profile.store import publication

PEOPLE_AT_ONCE = 100
# These people did not change, so the change log has nothing of it.
ACTOR = Actor("profile")


async def republish_people(db: Database, now: datetime, at_most: int = PEOPLE_AT_ONCE) -> None:
    """Publish everybody, unless that was done with these fields, in transactions of `at_most`
    people. The versions stay. Does nothing while another replica does so."""

    async def publish_next(connection: asyncpg.Connection) -> bool:
        """Publish some; False if there is nobody left."""
        if not await publication.try_to_lock(connection):
            return False
        through = await publication.read_through(connection, PUBLISHED)
        if through is None:
            return False
        people = await publication.list_next(connection, through, at_most)
        is_last = len(people) < at_most
        await publication.save_through(connection, PUBLISHED, None if is_last else people[-1])
        async with deferred_publish(connection):
            for person in people:
                # Locked: a change that is not committed yet is published after this one.
                known = await store.lock_person(connection, person)
                if known is not None:
                    await publish_changed(connection, known.person, ACTOR, now)
        return not is_last

    while await db.transact(publish_next, share=Share.BATCHES):
        pass
