"""Sending messages by SMTP."""

from __future__ import annotations

from contextlib import suppress
from email.message import EmailMessage
from types import TracebackType
from typing import Self

import aiosmtplib

from services.approvals.notices.settings import SmtpSettings

TIMEOUT_SECONDS = 20.0


class MailFailed(Exception):
    """The server did not accept the message. It may accept others."""


class MailServerUnavailable(MailFailed):
    """The server cannot be reached, or refuses the sign-in."""


class Mailer:
    """One connection to the mail server, opened for the first message and reused.

    Use it as an asynchronous context manager.
    """

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        self._client: aiosmtplib.SMTP | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        client, self._client = self._client, None
        if client is not None:
            with suppress(aiosmtplib.SMTPException, OSError):
                await client.quit()
            client.close()

    async def send(self, message: EmailMessage) -> None:
        """Return when the server has accepted the message.

        Raises `MailFailed`, and `MailServerUnavailable` when others would fail too.
        """
        client = self._client or await self._connect()
        try:
            await client.send_message(message)
        except aiosmtplib.SMTPRecipientsRefused as error:
            reasons = "; ".join(f"{each.code} {each.message}" for each in error.recipients)
            raise MailFailed(reasons) from error
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            # ValueError: an address that cannot be written in a command.
            if not client.is_connected:
                self._client = None
            raise MailFailed(_reason(error)) from error

    async def _connect(self) -> aiosmtplib.SMTP:
        settings = self._settings
        client = aiosmtplib.SMTP(
            hostname=settings.host,
            port=settings.port,
            username=settings.username,
            password=settings.password,
            use_tls=settings.implicit_tls,
            start_tls=settings.start_tls,
            timeout=TIMEOUT_SECONDS,
        )
        try:
            await client.connect()
        except (aiosmtplib.SMTPException, OSError) as error:
            client.close()
            raise MailServerUnavailable(_reason(error)) from error
        self._client = client
        return client


def _reason(error: Exception) -> str:
    """Describe the error, without the reply to a sign-in, which may repeat the user name."""
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return f"the sign-in was refused ({error.code})"
    return f"{type(error).__name__}: {error}"
