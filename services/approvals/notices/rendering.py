"""Notices as e-mail messages, in the language of the recipient."""

from __future__ import annotations

import email.policy
from collections.abc import Sequence
from datetime import date, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from libs.rules.calendar import Week
from services.approvals.notices.model import Kind
from services.approvals.notices.store.outbox import ClaimedNotice

LANGUAGES = ("en", "de")
MONTHS = {
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
}


class Renderer:
    """Renders notices from the templates.

    A template has the blocks `subject`, `body`, `quote` (the words of somebody else, may be empty)
    and `action`, the text of the link. Both parts of the message are made of these blocks.
    """

    def __init__(self, sender: Address, portal_url: str) -> None:
        loader = PackageLoader("services.approvals.notices")
        self._texts = Environment(  # noqa: S701 - plain text; the layout in HTML escapes it
            loader=loader, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        self._layouts = Environment(loader=loader, undefined=StrictUndefined, autoescape=True)
        self._sender = sender
        self._portal_url = portal_url

    def render(self, notice: ClaimedNotice, now: datetime) -> EmailMessage:
        """The message, dated now. Raises `ValueError` if the address cannot be used."""
        language = language_of(notice.locale)
        texts = self._texts.get_template(f"{language}/{notice.key.kind}.j2")
        facts = self._facts(notice, language)
        parts = {
            "language": language,
            "subject": _block(texts, "subject", facts),
            "paragraphs": _block(texts, "body", facts).split("\n\n"),
            "quote": _block(texts, "quote", facts) if "quote" in texts.blocks else "",
            "action": _block(texts, "action", facts),
            "url": facts["url"],
            "settings_url": f"{self._portal_url}/profile",
            "unsubscribe": self._unsubscribe(language),
        }
        message = self._message(notice, now, parts["subject"])
        # The text part is not escaped, for it is not HTML.
        message.set_content(self._texts.get_template("layout.txt.j2").render(parts))
        html = self._layouts.get_template("layout.html.j2").render(parts)
        message.add_alternative(html, subtype="html")
        # Only now: adding a part moves the headers about the content to the first part.
        message["Content-Language"] = language
        return message

    def _message(self, notice: ClaimedNotice, now: datetime, subject: str) -> EmailMessage:
        message = EmailMessage(email.policy.SMTP)
        message["From"] = self._sender
        message["To"] = Address(one_line(notice.name), addr_spec=notice.email)
        message["Subject"] = one_line(subject)
        message["Date"] = format_datetime(now)
        message["Message-ID"] = notice.key.message_id(self._sender.domain)
        message["List-Unsubscribe"] = f"<{self._portal_url}/profile>"
        # No automatic replies, please (RFC 3834 section 5).
        message["Auto-Submitted"] = "auto-generated"
        return message

    def _facts(self, notice: ClaimedNotice, language: str) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "name": one_line(notice.name),
            "actor": one_line(notice.actor_name or ""),
            "reason": notice.data.get("reason") or "",
        }
        if notice.week is not None:
            week = Week(notice.week)
            facts["week"] = f"{week.monday.isocalendar().week}"
            facts["days"] = days_of(week, language)
            facts["url"] = f"{self._portal_url}/weeks/{week}"
        if notice.key.kind is Kind.WEEKS_WAITING:
            since = datetime.fromisoformat(notice.data["since"])
            local = since.astimezone(ZoneInfo(notice.time_zone))
            facts["count"] = notice.data["weeks"]
            facts["since"] = day_of(local.date(), language)
            facts["url"] = f"{self._portal_url}/approvals"
        return facts

    def _unsubscribe(self, language: str) -> str:
        return _block(self._texts.get_template(f"{language}/footer.j2"), "unsubscribe", {})


def language_of(locale: str) -> str:
    """The language of a BCP 47 tag, or English."""
    language = locale.replace("_", "-").split("-")[0].lower()
    return language if language in LANGUAGES else LANGUAGES[0]


def day_of(day: date, language: str) -> str:
    """Such as "3 December 2026" or "3. Dezember 2026"."""
    return f"{_number(day, language)} {_month(day, language)} {day.year}"


def days_of(week: Week, language: str) -> str:
    """Such as "28 December 2026 to 3 January 2027"."""
    first, last = week.monday, week.sunday
    to = {"en": "to", "de": "bis"}[language]
    if first.year != last.year:
        return f"{day_of(first, language)} {to} {day_of(last, language)}"
    if first.month != last.month:
        return f"{_number(first, language)} {_month(first, language)} {to} {day_of(last, language)}"
    return f"{_number(first, language)} {to} {day_of(last, language)}"


def one_line(text: str) -> str:
    """The text without line breaks and control characters, as headers need it."""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())


def _number(day: date, language: str) -> str:
    return f"{day.day}." if language == "de" else f"{day.day}"


def _month(day: date, language: str) -> str:
    months: Sequence[str] = MONTHS[language].split()
    return months[day.month - 1]


def _block(template: Template, name: str, facts: dict[str, Any]) -> str:
    return "".join(template.blocks[name](template.new_context(facts))).strip()
