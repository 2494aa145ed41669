"""The mail server of the stack, and the page to read its mail."""

import asyncio
from email.message import EmailMessage
from pathlib import Path

import aiohttp
import aiosmtplib

from dev.mail import serve
from dev.ports import HOST, free_ports


def only_file(directory: Path) -> Path:
    (path,) = directory.iterdir()
    return path


async def test_mail_is_kept_and_shown_without_its_markup(tmp_path: Path) -> None:
    port, smtp_port = free_ports(2)
    serving = asyncio.create_task(serve(tmp_path, port, smtp_port))
    message = EmailMessage()
    message["From"], message["To"] = "timesheets@exampleco.com", "erin@exampleco.com"
    message["Subject"] = "<b>Overdue</b>"
    message.set_content("Please <i>submit</i>.")
    message.add_alternative("<p>Please submit.</p>", subtype="html")
    while True:
        try:
            await aiosmtplib.send(message, hostname=HOST, port=smtp_port)
            break
        except aiosmtplib.SMTPConnectError:
            await asyncio.sleep(0.01)
    kept = only_file(tmp_path)
    async with aiohttp.ClientSession(f"http://{HOST}:{port}") as session:
        async with session.get("/") as response:
            mail = await response.text()
        async with session.get(f"/messages/{kept.stem}") as response:
            shown = await response.text()
            policy = response.headers["Content-Security-Policy"]
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    assert "&lt;b&gt;Overdue&lt;/b&gt;" in mail
    assert f"/messages/{kept.stem}" in mail
    assert "Please &lt;i&gt;submit&lt;/i&gt;." in shown
    assert "&lt;p&gt;Please submit.&lt;/p&gt;" in shown
    assert "default-src 'none'" in policy
