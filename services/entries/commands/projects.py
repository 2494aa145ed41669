"""Adding and changing projects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from typing import Any

import asyncpg

from libs.changes import Actor, Change, difference, record_changes
from libs.postgres.pool import Database
from libs.rules.errors import AlreadyExists, NotVisible
from libs.rules.preconditions import UNCONDITIONAL, Preconditions
from libs.rules.violations import RuleBroken, Violation
from services.entries.resources import Project
from services.entries.store import projects as store
from services.entries.store.period import read_closed_through, share_rules_lock, take_rules_lock
from services.entries.store.projects import DATED, FIELDS, UNDATED, ProjectDraft, Version


def today(now: datetime) -> date:
    """The day from which a change holds unless it names one: that of UTC."""
    return now.astimezone(UTC).date()


async def create_project(
    db: Database, code: str, draft: ProjectDraft, actor: Actor, now: datetime
) -> Project:
    """Add a project, which has these values on all days. Raises `AlreadyExists`."""

    async def create(connection: asyncpg.Connection) -> Project:
        taken = await store.insert_project(connection, code, draft)
        if taken is not None:
            raise AlreadyExists(f"There is a project {taken} already.")
        change = Change("project", code, "created", actor, now, after=asdict(draft))
        await record_changes(connection, [change])
        return await _read(connection, code, now)

    return await db.transact(create)


async def patch_project(
    db: Database,
    code: str,
    changes: Mapping[str, Any],
    since: date | None,
    actor: Actor,
    now: datetime,
    expected: Preconditions = UNCONDITIONAL,
) -> Project:
    """Change the named fields. Name, customer and billable default change from the day `since`
    on, today by default; a change that changes nothing leaves the version as it is.

    Raises `NotVisible`, `StaleVersion`, and `RuleBroken` if `since` is in the closed period, or
    later than today for a change of something else, which would hold at once.
    """

    async def patch(connection: asyncpg.Connection) -> Project:
        # Before the project's row is locked, as writers of entries do.
        await _lock_rules(connection, changes)
        project = await store.lock_project(connection, code, today(now))
        if project is None:
            raise NotVisible("There is no such project.")
        expected.check_version(project, project.version)
        before = _draft_of(project)
        after = replace(before, **changes)
        if since is not None and since > today(now) and _undated(before) != _undated(after):
            message = "active, tasks and note_required change at once. Change them without from."
            raise RuleBroken(Violation("from", "undated", message))
        versions = await _change_versions(connection, code, changes, since or today(now))
        if not versions and _undated(before) == _undated(after):
            return project
        await store.update_project(connection, code, after)
        if versions:
            await store.save_versions(connection, code, versions)
        await _record(connection, code, before, after, since or today(now), actor, now)
        return await _read(connection, code, now)

    return await db.transact(patch)


async def _lock_rules(connection: asyncpg.Connection, changes: Mapping[str, Any]) -> None:
    """Ending a project waits until no entry is being written."""
    if changes.get("active") is False:
        await take_rules_lock(connection)
    else:
        await share_rules_lock(connection)


async def _change_versions(
    connection: asyncpg.Connection, code: str, changes: Mapping[str, Any], since: date
) -> list[Version]:
    """The versions from `since` on, if the changes make a difference to them.

    A version that begins later takes a change over while it has the old value: what was planned
    for that day stays planned.
    """
    dated = {field: value for field, value in changes.items() if field in DATED}
    if not dated:
        return []
    versions = await store.read_versions(connection, code)
    present = [version for version in versions if version.valid_from <= since][-1]
    changed = replace(present, valid_from=since, **dated)
    if replace(changed, valid_from=present.valid_from) == present:
        return []
    closed_through = await read_closed_through(connection)
    if closed_through is not None and since <= closed_through:
        message = f"The period through {closed_through} is closed."
        raise RuleBroken(Violation("from", "closed", message))
    later = [version for version in versions if version.valid_from > since]
    return [changed, *_taken_over(later, present, dated)]


def _taken_over(
    later: Sequence[Version], present: Version, dated: Mapping[str, Any]
) -> list[Version]:
    taken_over, changing = [], dict(dated)
    for version in later:
        # From the first version on that has another value, what was planned stays planned.
        changing = {
            field: value
            for field, value in changing.items()
            if getattr(version, field) == getattr(present, field)
        }
        taken_over.append(replace(version, **changing))
    return taken_over


async def _record(
    connection: asyncpg.Connection,
    code: str,
    before: ProjectDraft,
    after: ProjectDraft,
    since: date,
    actor: Actor,
    now: datetime,
) -> None:
    old, new = difference(asdict(before), asdict(after))
    if not new.keys().isdisjoint(DATED):
        new["from"] = since
    await record_changes(connection, [Change("project", code, "changed", actor, now, old, new)])


async def _read(connection: asyncpg.Connection, code: str, now: datetime) -> Project:
    project = await store.read_project(connection, code, today(now))
    if project is None:
        raise AssertionError("a project is never deleted")
    return project


def _draft_of(project: Project) -> ProjectDraft:
    return ProjectDraft(**{field: getattr(project, field) for field in FIELDS})


def _undated(draft: ProjectDraft) -> tuple[Any, ...]:
    return tuple(getattr(draft, field) for field in UNDATED)
