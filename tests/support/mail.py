"""A real SMTP server that keeps the messages it has accepted."""

from __future__ import annotations

import asyncio
import email
import email.policy
from collections.abc import Awaitable, Callable
from email.message import EmailMessage
from types import TracebackType
from typing import Self, cast

from aiosmtpd.smtp import SMTP, Envelope, Session

from dev.ports import HOST, free_port

ACCEPTED = "250 OK"

Answer = Callable[[EmailMessage], Awaitable[str]]


async def accept(_message: EmailMessage) -> str:
    """Accept every message."""
    return ACCEPTED


class MailServer:
    """`answer` decides about each message; accepted ones are in `inbox`, in order."""

    def __init__(self) -> None:
        self.port = free_port()
        self.inbox: list[EmailMessage] = []
        self.answer: Answer = accept
        self._server: asyncio.Server | None = None
        self._sessions: set[SMTP] = set()

    @property
    def url(self) -> str:
        """The address for SMTP_URL."""
        return f"smtp://{HOST}:{self.port}"

    async def start(self) -> None:
        """Listen, on the same port after each stop."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._session, HOST, self.port)

    async def stop(self) -> None:
        """Refuse connections and drop those that are open."""
        if self._server is not None:
            self._server.close()
            for session in self._sessions:
                if isinstance(session.transport, asyncio.WriteTransport):
                    session.transport.abort()
            self._sessions.clear()
            await self._server.wait_closed()
            self._server = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Decide about a message; called by aiosmtpd."""
        content = cast(bytes, envelope.content)
        message = email.message_from_bytes(content, policy=email.policy.default)
        answer = await self.answer(message)
        if answer == ACCEPTED:
            self.inbox.append(message)
        return answer

    def _session(self) -> SMTP:
        session = SMTP(self, enable_SMTPUTF8=True, hostname="mail.test")
        self._sessions.add(session)
        return session


def text_of(message: EmailMessage) -> str:
    """The plain text of a message."""
    return _part(message, "plain")


def html_of(message: EmailMessage) -> str:
    """The HTML of a message."""
    return _part(message, "html")


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())
