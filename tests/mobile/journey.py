"""The whole app, as `make app` starts it, with somebody who presses its buttons.

Run by tests/e2e/test_app.py in a process of its own. The browser is whatever BROWSER says; WHO
names the file that tells it who signs in, NOTE is what is written beside the hours.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kivymd.app import MDApp

from mobile.app import run
from mobile.core.rules import State
from mobile.ui.approval_rows import ApprovalRow
from mobile.ui.buttons import Chip, PushButton
from mobile.ui.dialog import Dialog
from mobile.ui.field import Field
from mobile.ui.shell import Shell
from mobile.viewmodels.stages import Stage, Tab
from tests.mobile.drive import found, tap

TIMEOUT = 30.0
MINUTES = "0:15"


async def until(happened: Callable[[], Any], what: str) -> Any:
    """The outcome; each wait ends as soon as its condition holds."""
    ends = time.monotonic() + TIMEOUT
    while not (came := happened()):
        if time.monotonic() > ends:
            raise TimeoutError(what)
        await asyncio.sleep(0.02)
    return came


async def press(shell: Shell, text: str, kind: type = PushButton) -> None:
    buttons = await until(lambda: found(shell, kind, text), f"no {text}")
    tap(buttons[0])


async def sign_in(shell: Shell, person: str) -> None:
    await asyncio.to_thread(Path(os.environ["WHO"]).write_text, person, "utf-8")
    await press(shell, "Sign in")
    # There is no keyring here: the app asks before it keeps the sign-in in a file.
    await until(lambda: shell.model.failure == "store" or signed_in(shell, person), "no answer")
    if shell.model.failure == "store":
        await press(shell, "Use a plain file")
    await until(lambda: signed_in(shell, person), f"{person} is not signed in")
    await until(lambda: shell.models.week.view.known, "the week was never read")


def signed_in(shell: Shell, person: str) -> bool:
    here = shell.model.workspace
    main = shell.model.stage is Stage.MAIN and shell.model.models is not None
    return main and here is not None and here.person == f"auth0|{person}"


def all_sent(shell: Shell) -> bool:
    return shell.model.counts == (0, 0) and not shell.busy


async def log_and_submit(shell: Shell) -> dict[str, Any]:
    before = len(shell.models.week.rows(shell.today))
    tap(shell.screen.ids.add)
    sheet = await until(lambda: shell.ids.overlays.children, "no sheet")
    project = found(sheet[0], Chip)[0]
    tap(project)
    await press(shell, MINUTES, Chip)
    [note] = [field for field in found(sheet[0], Field) if field.max_lines > 1]
    note.typed(os.environ["NOTE"])
    await press(shell, "Save")
    await until(lambda: len(shell.models.week.rows(shell.today)) == before + 1, "no entry")
    await until(lambda: all_sent(shell), "the entry was not sent")
    await press(shell, "Submit week")
    for question in found(shell, Dialog):
        question.accept()
    await until(lambda: shell.models.week.view.state is State.SUBMITTED, "not submitted")
    await until(lambda: all_sent(shell), "the week was not sent")
    return {"project": project.text, "week": str(shell.models.week.week)}


async def sign_out(shell: Shell) -> None:
    shell.go(Tab.PROFILE)
    shell.sign_out()
    question = await until(lambda: found(shell, Dialog), "no question")
    question[0].accept()
    await until(lambda: shell.model.stage is Stage.SIGN_IN, "still signed in")


async def approve(shell: Shell, name: str, week: str) -> dict[str, Any]:
    def waiting() -> list[Any]:
        items = shell.models.approvals.pending
        return [each for each in items if each.name == name and each.approval.week == week]

    [item] = await until(waiting, f"{name} does not wait")
    shell.go(Tab.APPROVALS)
    key = item.approval.id

    def rows() -> list[ApprovalRow]:
        shell.screen.list.scroll_y = 0  # the latest submission is the last
        return [row for row in found(shell, ApprovalRow) if row.key == key]

    tap((await until(rows, "no row"))[0])
    await press(shell, "Approve")
    await until(lambda: not waiting(), "not approved")
    await until(lambda: all_sent(shell), "the decision was not sent")
    return {"approved": key}


async def journey() -> dict[str, Any]:
    shell = await until(lambda: getattr(MDApp.get_running_app(), "shell", None), "no app")
    await sign_in(shell, "erin")
    logged = await log_and_submit(shell)
    await sign_out(shell)
    await sign_in(shell, "maya")
    return logged | await approve(shell, "Erin Employee", logged["week"])


async def main() -> None:
    logging.basicConfig(level=logging.DEBUG)
    app = asyncio.create_task(run())
    try:
        sys.stdout.write(json.dumps(await journey()))
    finally:
        running = MDApp.get_running_app()
        if running is not None:
            running.stop()
        await app


if __name__ == "__main__":
    asyncio.run(main())
