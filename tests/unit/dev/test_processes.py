"""Child processes do not outlive their parent."""

import asyncio
import os
import select
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dev import supervisor
from dev.processes import ChildError, Children

ROOT = Path(__file__).parents[3]
STUBBORN = """
import signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
signal.pause()
"""
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel of Linux")


@pytest.fixture
async def children(tmp_path: Path) -> AsyncIterator[Children]:
    """Started programs are looked for in a folder of the test's own."""
    watched = Children(tmp_path / "logs", tmp_path)
    yield watched
    watched.stop()
    asyncio.get_running_loop().remove_signal_handler(signal.SIGCHLD)


def module(tmp_path: Path, name: str, program: str) -> list[str]:
    (tmp_path / f"{name}.py").write_text(program)
    return [name]


async def test_an_unexpected_exit_is_reported_with_the_last_output(
    children: Children, tmp_path: Path
) -> None:
    children.start("broken", module(tmp_path, "broken", "raise SystemExit('no database')"), {})

    failure = (await children.lost).failure()

    log = tmp_path / "logs" / "broken.log"
    assert str(failure) == f"broken ended with 1: no database (see {log})"


async def test_an_unexpected_exit_with_status_0_is_reported_too(
    children: Children, tmp_path: Path
) -> None:
    children.start("quitter", module(tmp_path, "quitter", ""), {})

    assert "quitter ended with 0" in str((await children.lost).failure())


async def test_a_killed_process_is_reported_with_the_signal(
    children: Children, tmp_path: Path
) -> None:
    child = children.start(
        "victim", module(tmp_path, "victim", "import signal; signal.pause()"), {}
    )
    child.process.kill()

    assert "victim was killed by SIGKILL" in str((await children.lost).failure())


async def test_one_that_is_to_end_may(children: Children, tmp_path: Path) -> None:
    await children.finish("task", module(tmp_path, "task", "print('done')"), {})

    assert (tmp_path / "logs" / "task.log").read_text() == "done\n"
    assert not children.lost.done()


async def test_one_that_fails_at_its_task_is_an_error(children: Children, tmp_path: Path) -> None:
    with pytest.raises(ChildError, match="task ended with 3"):
        await children.finish("task", module(tmp_path, "task", "raise SystemExit(3)"), {})
    assert not children.lost.done()


async def test_the_log_of_the_run_before_is_kept(children: Children, tmp_path: Path) -> None:
    for word in ("first", "second"):
        await children.finish("task", module(tmp_path, "task", f"print('{word}')"), {})

    assert (tmp_path / "logs" / "task.log").read_text() == "second\n"
    assert (tmp_path / "logs" / "task.log.before").read_text() == "first\n"


async def test_stopping_ends_all_but_those_to_keep(children: Children, tmp_path: Path) -> None:
    sleeper = module(tmp_path, "sleeper", "import signal; signal.pause()")
    first, second = (children.start(name, sleeper, {}) for name in ("first", "second"))

    children.stop(keep=["second"])
    assert first.process.returncode == -signal.SIGTERM
    assert second.process.poll() is None
    children.stop()
    assert second.process.returncode == -signal.SIGTERM
    assert not children.lost.done()


def test_one_that_does_not_listen_is_made_to_end() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as output:
        child = supervisor.start([sys.executable, "-c", STUBBORN], output=writing)
        os.close(writing)
        assert output.readline() == b"deaf\n"

        assert supervisor.stop(child, grace_seconds=0.05) == -signal.SIGKILL


def test_the_terminals_ctrl_c_reaches_the_supervisor_alone(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as output:
        child = supervisor.start(["sleep", "60"], output=output)
    try:
        assert os.getsid(child.pid) != os.getsid(0)
    finally:
        supervisor.stop(child, grace_seconds=5)


@on_linux
def test_a_child_ends_when_its_parent_is_killed() -> None:
    program = (
        "import sys; from dev import supervisor\n"
        "child = supervisor.start([sys.executable, '-c', sys.argv[1]], output=1)\n"
        "sys.stdin.read()\n"
    )
    says_who_it_is = "import os, signal; print(os.getpid(), flush=True); signal.pause()"
    parent = subprocess.Popen(
        [sys.executable, "-c", program, says_who_it_is],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    with parent:
        assert parent.stdout is not None
        watch = os.pidfd_open(int(parent.stdout.readline()))
        parent.kill()
    try:
        assert select.select([watch], [], [], 20)[0]
    finally:
        os.close(watch)


@on_linux
def test_a_child_whose_parent_died_first_does_not_begin(tmp_path: Path) -> None:
    """The parent may die before the child asks for the signal: then none would be sent."""
    made = tmp_path / "made"
    launcher = [sys.executable, "-I", supervisor.__file__, "1", "15", "-"]

    done = subprocess.run([*launcher, "touch", str(made)], check=False)

    assert done.returncode == 1
    assert not made.exists()
