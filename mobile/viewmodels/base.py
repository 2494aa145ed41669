"""Being watched, and doing things without making anybody wait."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from mobile.core.clock import Clock
from mobile.core.session import Workspace

log = logging.getLogger(__name__)

Watcher = Callable[[], None]


class ViewModel:
    """Watchers are notified of a change and then read the values."""

    def __init__(self) -> None:
        self._watchers: list[Watcher] = []

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Call the result to stop watching."""
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)

    def changed(self) -> None:
        """Tell everybody who watches."""
        for watcher in tuple(self._watchers):
            watcher()


@dataclass(frozen=True, slots=True)
class SnackbarMessage:
    """A short word at the bottom of the screen, perhaps with a way back."""

    key: str
    arguments: dict[str, object] = field(default_factory=dict)
    undo: Callable[[], None] | None = None
    seconds: float = 4.0


class WorkspaceModel(ViewModel):
    """A model of one person's data, which can tell them what became of a change."""

    def __init__(
        self, workspace: Workspace, clock: Clock, notify: Callable[[SnackbarMessage], None]
    ) -> None:
        super().__init__()
        self._workspace = workspace
        self._clock = clock
        self._notify = notify

    def project_name(self, code: str) -> str:
        """The project's name; its code if it is unknown."""
        project = self._workspace.store.project(code)
        return project.name if project is not None else code


class Tasks:
    """Work in the background; what it raises unforeseen is logged, never lost."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run work in the background; its failure is reported."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._done)
        return task

    async def cancel(self) -> None:
        """End all work and wait until it has ended."""
        running = tuple(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("work in the background failed", exc_info=task.exception())
