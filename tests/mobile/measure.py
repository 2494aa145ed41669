"""Measures the redraw of a full day and the start with a full store; run by test_performance.

A process of its own: Kivy takes over the process that imports it.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
import uuid
from datetime import timedelta
from pathlib import Path

from kivy.base import EventLoop

from mobile.app import TimesheetsApp
from mobile.core.network import make_client
from mobile.core.rules import Draft
from mobile.core.wire import Entry
from mobile.preferences import Preferences
from mobile.tools.sample import (
    THIS,
    TODAY,
    NoBrowser,
    StillClock,
    enter,
    fill,
    make_model,
    make_session,
)

ENTRIES, A_DAY = 20_000, 60
CODES = ("BIG-WEB", "BIG-SHOP", "NORTH-ERP", "NORTH-SUP", "CITY-APP")


def milliseconds(act) -> float:
    """Time of the app's own thread."""
    began = time.thread_time()
    act()
    return (time.thread_time() - began) * 1000


def old_entry(number: int) -> Entry:
    day = THIS.monday - timedelta(days=7 + number // 30)
    return Entry(str(uuid.uuid4()), day, CODES[number % 5], 5, 1)


async def measure() -> dict[str, float]:
    results: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as place:
        async with make_client() as http:
            clock = StillClock()
            session = make_session(http, Path(place), clock)
            workspace = session.open_sample()
            fill(workspace)
            entries = [old_entry(number) for number in range(ENTRIES)]
            workspace.store.replace_entries(
                THIS.monday - timedelta(days=2000), THIS.monday - timedelta(days=7), entries
            )
            await session.close()
            began = time.thread_time()
            session.open_sample()
            model = make_model(session)
            preferences = Preferences(Path(place) / "preferences.json", "en")
            app = TimesheetsApp(model, NoBrowser(), preferences, clock)
            enter(model)
            app.run_quietly()
            EventLoop.idle()
            results["start_seconds"] = time.thread_time() - began
            week = model.models.week
            timesheet = model.workspace.timesheet
            for number in range(A_DAY):
                timesheet.save(Draft(TODAY, CODES[number % 5], 5, note=f"entry {number}"))
            week.refresh()
            for _ in range(30):
                EventLoop.idle()
            redraws = []
            for number in range(10):
                timesheet.save(Draft(TODAY, CODES[0], 1, note=f"one more {number}"))
                redraws.append(milliseconds(week.refresh))
            results["redraw_ms"] = sorted(redraws)[5]
            frames = []
            for number in range(100):
                if number % 6 == 0:
                    timesheet.save(Draft(TODAY, CODES[1], 1, note=f"while syncing {number}"))
                    model._update()
                frames.append(milliseconds(EventLoop.idle))
            results["frame_p99_ms"] = sorted(frames)[98]
            app.shell.leave()
            await session.close()
    return results


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(measure())))
