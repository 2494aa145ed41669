"""`python -m dev.mail`: an SMTP server that keeps every message, and a page to read them."""

import argparse
import asyncio
import email
import email.policy
import html
import time
from email.message import EmailMessage
from pathlib import Path
from typing import cast

from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session

from dev.ports import HOST

MAX_SHOWN = 200
DIRECTORY = web.AppKey("DIRECTORY", Path)
# Mail is written by others: no scripts, nothing from elsewhere.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; base-uri 'none'"
PAGE = """<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<body style="font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto">
<h1>{title}</h1>{body}</body></html>"""


class Sink:
    """Keeps each message as a file, named by the time of its arrival."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Store a message that was received."""
        (self._directory / f"{time.time_ns()}.eml").write_bytes(cast(bytes, envelope.content))
        return "250 OK"


async def list_messages(request: web.Request) -> web.Response:
    """GET the list of messages, newest first."""
    rows = []
    for path in sorted(request.app[DIRECTORY].glob("*.eml"), reverse=True)[:MAX_SHOWN]:
        message = _read(path)
        date, to, subject = (html.escape(str(message[name])) for name in ("Date", "To", "Subject"))
        link = f'<a href="/messages/{path.stem}">{subject}</a>'
        rows.append(f"<tr><td>{date}<td>{to}<td>{link}")
    body = f"<table cellpadding=6>{''.join(rows)}</table>" if rows else "<p>No mail yet.</p>"
    return _page("Mail", body)


async def show_message(request: web.Request) -> web.Response:
    """GET one message."""
    path = request.app[DIRECTORY] / f"{int(request.match_info['number'])}.eml"
    if not path.exists():
        raise web.HTTPNotFound
    message = _read(path)
    headers = "\n".join(f"{name}: {value}" for name, value in message.items())
    parts = [f"<p><a href='/'>All mail</a></p><pre>{html.escape(headers)}</pre>"]
    if page := message.get_body(("html",)):
        content = html.escape(str(page.get_content()), quote=True)
        frame = 'sandbox title="HTML" style="width: 100%; height: 30rem"'
        parts.append(f'<iframe {frame} srcdoc="{content}"></iframe>')
    if text := message.get_body(("plain",)):
        parts.append(f"<pre>{html.escape(str(text.get_content()))}</pre>")
    return _page(html.escape(str(message["Subject"])), "".join(parts))


def create_app(directory: Path) -> web.Application:
    """The pages to read the mail that `directory` holds."""
    app = web.Application()
    app[DIRECTORY] = directory
    app.router.add_get("/", list_messages)
    app.router.add_get("/messages/{number:[0-9]+}", show_message)
    return app


async def serve(directory: Path, port: int, smtp_port: int) -> None:
    """Until cancelled. The directory exists."""
    runner = web.AppRunner(create_app(directory))
    await runner.setup()
    await web.TCPSite(runner, HOST, port).start()
    sink, loop = Sink(directory), asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(sink, enable_SMTPUTF8=True), HOST, smtp_port)
    try:
        async with server:
            await server.serve_forever()
    finally:
        await runner.cleanup()


def _read(path: Path) -> EmailMessage:
    return email.message_from_bytes(path.read_bytes(), policy=email.policy.default)


def _page(title: str, body: str) -> web.Response:
    return web.Response(
        text=PAGE.format(title=title, body=body),
        content_type="text/html",
        headers={"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff"},
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--smtp-port", type=int, required=True)
    parser.add_argument("--directory", type=Path, required=True)
    options = parser.parse_args()
    options.directory.mkdir(parents=True, exist_ok=True)
    asyncio.run(serve(options.directory, options.port, options.smtp_port))
