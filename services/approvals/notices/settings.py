"""The settings of `notify`."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.utils import parseaddr
from typing import Self
from urllib.parse import unquote, urlsplit

from libs.postgres.settings import DatabaseSettings
from libs.web.settings import Environment

PORTS = {"smtp": 587, "smtps": 465}


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """The mail server. Without TLS only on loopback."""

    host: str
    port: int
    username: str | None
    password: str | None = field(repr=False)
    implicit_tls: bool
    start_tls: bool

    @classmethod
    def read(cls, env: Environment) -> Self:
        """From SMTP_URL: smtp://user:password@host:587 (STARTTLS) or smtps://...:465."""
        mistake = (
            "SMTP_URL is not smtp://user:password@host:port or smtps://..., special characters "
            "percent-encoded"
        )
        url = env.secret("SMTP_URL")
        scheme, host, port, username, password = "smtp", "", 0, None, None
        try:
            parts = urlsplit(url)
            scheme, host, port = parts.scheme, parts.hostname or "", parts.port or 0
            username, password = parts.username, parts.password
            is_valid = scheme in PORTS and host and parts.path in ("", "/") and not parts.query
        except ValueError:
            is_valid = False
        if url and (not is_valid or (username is None) != (password is None)):
            env.refuse(mistake)
        return cls(
            host=host,
            port=port or PORTS.get(scheme, 0),
            username=unquote(username) if username else None,
            password=unquote(password) if password else None,
            implicit_tls=scheme == "smtps",
            start_tls=scheme == "smtp" and not is_loopback(host),
        )


@dataclass(frozen=True, slots=True)
class NoticeSettings:
    """Everything the job that sends notices is configured by."""

    database: DatabaseSettings
    smtp: SmtpSettings
    sender: Address
    portal_url: str
    """Without a slash at the end."""
    log_format: str
    log_level: str

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """Raises `SettingsError` with every mistake."""
        env = Environment(environ)
        settings = cls(
            database=DatabaseSettings.read(env, "notices"),
            smtp=SmtpSettings.read(env),
            sender=_read_sender(env),
            portal_url=_read_portal(env),
            log_format=env.choice("LOG_FORMAT", "json", ("json", "console")),
            log_level=env.choice("LOG_LEVEL", "info", ("debug", "info", "warning", "error")),
        )
        env.check()
        return settings

    def described(self) -> dict[str, object]:
        """The settings for the log, without a secret."""
        return {
            "database": self.database.described(),
            "smtp": f"{self.smtp.host}:{self.smtp.port}",
            "sender": str(self.sender),
            "portal": self.portal_url,
        }


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _read_sender(env: Environment) -> Address:
    text = env.text("MAIL_FROM")
    name, address = parseaddr(text)
    try:
        sender = Address(name, addr_spec=address)
    except (ValueError, IndexError):
        sender = Address()
    if text and not (sender.username and sender.domain):
        env.refuse(
            "MAIL_FROM is not an e-mail address, such as Timesheets <timesheets@example.com>"
        )
    return sender


def _read_portal(env: Environment) -> str:
    url = env.url("PORTAL_URL").rstrip("/")
    parts = urlsplit(url)
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        env.refuse("PORTAL_URL is not https; http is for loopback addresses only")
    return url
