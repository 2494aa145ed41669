"""The division of the machine's cores, and the account of who used them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench import cores
from bench.cores import Usage, bind, measured_usage, reserved_core

BUSY = "while True: pass"
BUSY_THREADS = """
import threading, time
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
print(flush=True)
time.sleep(60)
"""

several_cores = pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2,
    reason="there is one core only, or processes cannot be bound",
)


@contextmanager
def running(code: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@several_cores
def test_what_starts_meanwhile_stays_off_the_reserved_core() -> None:
    available = os.sched_getaffinity(0)
    with reserved_core() as reserved, running(BUSY) as process:
        assert len(reserved) == 1
        assert os.sched_getaffinity(0) == available - reserved
        assert os.sched_getaffinity(process.pid) == available - reserved
    assert os.sched_getaffinity(0) == available


@several_cores
def test_every_thread_of_the_service_moves_to_its_core() -> None:
    with reserved_core() as reserved, running(BUSY_THREADS) as process:
        assert process.stdout is not None
        process.stdout.readline()
        bind(process.pid, reserved)
        threads = [int(each.name) for each in Path(f"/proc/{process.pid}/task").iterdir()]
        assert len(threads) == 2
        assert all(os.sched_getaffinity(each) == reserved for each in threads)


def test_a_machine_with_one_core_binds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0}, raising=False)
    with reserved_core() as reserved:
        assert reserved == frozenset()
        bind(os.getpid(), reserved)


def test_other_programs_are_what_the_machine_did_beside_the_measurement(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seconds = {os.getpid(): 10.0, 1: 1.0}
    now = [100.0]
    monkeypatch.setattr(cores, "STAT", tmp_path / "stat")
    monkeypatch.setattr(cores, "cpu_seconds", seconds.__getitem__)
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    ticks = os.sysconf("SC_CLK_TCK")

    def write_stat(*fields: float) -> None:
        line = " ".join(str(round(field * ticks)) for field in fields)
        cores.STAT.write_text(f"cpu  {line}\ncpu0 0 0\n")

    write_stat(50, 1, 20, 500, 7, 1, 2, 3, 0, 0)
    with measured_usage(1) as usage:
        now[0] += 4
        seconds.update({os.getpid(): 15.0, 1: 4.0})
        write_stat(54, 1, 22, 600, 9, 1, 3, 3.4, 0, 0)  # 4 + 2 + 1 s busy, of them 5 s ours
    assert (usage.service, usage.others) == (0.75, 0.5)
    assert usage.steal == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("usage", "words"),
    [
        (Usage(0.851, 0.02, 0.0), "service 0.85 of a core"),
        (Usage(0.9, 0.6, 0.05), "service 0.90 of a core, other programs 0.60, stolen 0.05"),
    ],
)
def test_only_what_disturbed_a_measurement_is_named(usage: Usage, words: str) -> None:
    assert usage.in_words() == words
