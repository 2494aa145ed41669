"""The programs of the stack: started, watched, ended."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dev import supervisor

STOP_TIMEOUT = 15.0
RESTART_DELAY = 1.0


class ChildError(Exception):
    """A program of the stack ended unexpectedly; says which, and where its log is."""


@dataclass
class Child:
    """A program of the stack."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    brief: bool = False
    """Whether it ends when its work is done."""
    restart: Callable[[], object] | None = None
    """Starts it again; None for those that the others cannot do without."""
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def failure(self) -> ChildError:
        """The error that says how the program ended."""
        code = self.process.returncode
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        lines = self.log.read_text(errors="replace").strip().splitlines()
        said = f": {lines[-1].strip()}" if lines else ""
        return ChildError(f"{self.name} {how}{said} (see {self.log})")


class Children:
    """Call everything from the main thread, where the loop runs: see `supervisor.start`."""

    def __init__(self, logs: Path, root: Path) -> None:
        loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[Child] = loop.create_future()
        """Done when one ends that nobody asked to."""
        self._logs = logs
        self._root = root
        self._running: list[Child] = []
        self.keeps_alive = False
        """Whether one that ends and can be restarted is; until then each end counts as a loss."""
        logs.mkdir(parents=True, exist_ok=True)
        loop.add_signal_handler(signal.SIGCHLD, self._look)

    def log(self, name: str) -> Path:
        """A fresh file; the one of the run before is kept beside it."""
        path = self._logs / f"{name}.log"
        if path.exists():
            path.replace(path.with_suffix(".log.before"))
        return path

    def watch(self, child: Child) -> Child:
        """Watch a program until the stack stops."""
        self._running.append(child)
        self._look()  # it may have ended already
        return child

    def start(
        self,
        name: str,
        arguments: Sequence[str],
        environ: Mapping[str, str],
        *,
        brief: bool = False,
        is_restarted: bool = False,
    ) -> Child:
        """Run one of our modules, with its arguments."""

        def restart() -> None:
            if self.keeps_alive:
                self.start(name, arguments, environ, is_restarted=True)

        log = self.log(name)
        with log.open("wb") as output:
            process = supervisor.start(
                [sys.executable, "-m", *arguments], output=output, env=environ, cwd=self._root
            )
        child = Child(name, process, log, brief, restart if is_restarted else None)
        return self.watch(child)

    async def finish(self, name: str, arguments: Sequence[str], environ: Mapping[str, str]) -> None:
        """Run a module to its end. Raises `ChildError` if it fails."""
        child = self.start(name, arguments, environ, brief=True)
        await child.ended.wait()
        if child.process.returncode != 0:
            raise child.failure()

    def release(self, name: str) -> None:
        """Watch this one no longer; somebody else ends it."""
        self._running = [child for child in self._running if child.name != name]

    def stop(self, keep: Sequence[str] = ()) -> None:
        """End all but these, at the same time, and wait until they have."""
        self.keeps_alive = False
        leaving = [child for child in self._running if child.name not in keep]
        self._running = [child for child in self._running if child.name in keep]
        for child in leaving:
            if child.process.poll() is None:
                child.process.terminate()
        for child in leaving:
            supervisor.stop(child.process, grace_seconds=STOP_TIMEOUT)

    def _look(self) -> None:
        for child in [child for child in self._running if child.process.poll() is not None]:
            self._running.remove(child)
            child.ended.set()
            if self.keeps_alive and child.restart is not None:
                asyncio.get_running_loop().call_later(RESTART_DELAY, child.restart)
            elif not child.brief and not self.lost.done():
                self.lost.set_result(child)
