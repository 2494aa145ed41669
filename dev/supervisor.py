"""Starts programs that do not outlive the process that started them.

This file is also the program that does it: it runs for some milliseconds in the child, with the
standard library alone, and then becomes the program. Doing the same between fork and exec
(`preexec_fn`) is unsafe in a process with threads.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Account:
    """The user a program runs as."""

    uid: int
    gid: int


def start(
    command: Sequence[str | Path],
    *,
    output: IO[bytes] | int,
    account: Account | None = None,
    last_signal: signal.Signals = signal.SIGTERM,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start `command` in a session of its own: Ctrl-C in the terminal reaches its parent alone.

    On Linux the kernel sends it `last_signal` when the calling *thread* ends, however it ends: call
    this from the main thread.
    """
    user = f"{account.uid}:{account.gid}" if account else "-"
    launcher = [sys.executable, "-I", "-S", __file__, str(os.getpid()), str(int(last_signal)), user]
    return subprocess.Popen(
        [*launcher, *map(str, command)],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=env,
        cwd=cwd,
        start_new_session=True,
    )


def stop(
    child: subprocess.Popen[bytes],
    *,
    sign: signal.Signals = signal.SIGTERM,
    grace_seconds: float,
) -> int:
    """Send `sign` to the child, SIGKILL after `grace_seconds`, and return its exit code."""
    if child.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            child.send_signal(sign)
        try:
            return child.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            child.kill()
    return child.wait()


def _become(arguments: Sequence[str]) -> None:
    parent, last_signal, user, *command = arguments
    if user != "-":
        uid, gid = map(int, user.split(":"))
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        # After setuid, which clears it.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(last_signal), 0, 0, 0)
        if os.getppid() != int(parent):  # it died before we asked
            sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606 -- runs a program without a shell


if __name__ == "__main__":
    _become(sys.argv[1:])
