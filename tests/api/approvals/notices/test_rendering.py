"""The text of notices."""

from __future__ import annotations

from datetime import UTC, date, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Any

import pytest

from libs.rules.calendar import Week
from libs.web.settings import SettingsError
from services.approvals.notices.model import Kind, NoticeKey
from services.approvals.notices.rendering import Renderer, days_of, language_of
from services.approvals.notices.settings import NoticeSettings
from services.approvals.notices.store.outbox import ClaimedNotice
from tests.api.approvals.notices.conftest import PORTAL, environment
from tests.support.mail import html_of, text_of

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
REASON = 'Tuesday <b>is</b> missing.\n\n"Ask" & <script>alert(1)</script>'
DATABASE = "postgresql://approvals:s3cret@db/approvals"


def render(kind: Kind, locale: str, **fields: Any) -> EmailMessage:
    waits = kind is Kind.WEEKS_WAITING
    data = {"reason": REASON} if not waits else {"weeks": 3, "since": "2026-11-16T23:30:00+00:00"}
    notice = ClaimedNotice(
        **{
            "key": NoticeKey("auth0|erin", kind, "fact"),
            "week": None if waits else date(2026, 12, 28),
            "data": data,
            "due_at": NOW,
            "attempts": 0,
            "is_due": True,
            "name": "Erin Employee",
            "email": "erin@exampleco.com",
            "locale": locale,
            "time_zone": "Europe/Berlin",
            "actor_name": "Maya Manager",
            **fields,
        }
    )
    sender = Address("ExampleCo Timesheets", addr_spec="timesheets@exampleco.com")
    return Renderer(sender, PORTAL).render(notice, NOW)


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize(("locale", "language"), [("en-GB", "en"), ("de_AT", "de"), ("fr", "en")])
def test_each_notice_has_both_parts_in_the_persons_language(
    kind: Kind, locale: str, language: str
) -> None:
    message = render(kind, locale)
    link = f"{PORTAL}/approvals" if kind is Kind.WEEKS_WAITING else f"{PORTAL}/weeks/2026-W53"
    greeting = {"en": "Hello Erin Employee,", "de": "Guten Tag Erin Employee,"}[language]
    text, html = text_of(message), html_of(message)
    assert text.startswith(greeting)
    assert greeting in html
    assert f": {link}\n" in text
    assert f'href="{link}"' in html
    assert f'lang="{language}"' in html
    assert message["Content-Language"] == language
    assert "{{" not in text + html
    assert "\n\n\n" not in text


def test_the_headers_let_programs_recognise_and_people_end_the_mail() -> None:
    message = render(Kind.REJECTED, "en")
    assert message["From"] == "ExampleCo Timesheets <timesheets@exampleco.com>"
    assert message["To"] == "Erin Employee <erin@exampleco.com>"
    assert message["List-Unsubscribe"] == f"<{PORTAL}/profile>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"] == render(Kind.REJECTED, "de")["Message-ID"]
    assert message["Message-ID"] != render(Kind.REOPENED, "en")["Message-ID"]
    assert message["Message-ID"].endswith("@exampleco.com>")


def test_the_reason_is_quoted_and_is_never_markup() -> None:
    message = render(Kind.REJECTED, "en")
    assert '> Tuesday <b>is</b> missing.\n> \n> "Ask"' in text_of(message)
    assert "<script>" not in html_of(message)
    assert "Tuesday &lt;b&gt;is&lt;/b&gt; missing." in html_of(message)


def test_a_name_cannot_add_a_header() -> None:
    message = render(Kind.REJECTED, "en", name="Erin\r\nBcc: all@exampleco.com")
    assert message["Bcc"] is None
    assert message["To"].addresses[0].display_name == "Erin Bcc: all@exampleco.com"


@pytest.mark.parametrize(
    ("locale", "expected"),
    [
        ("en", "3 timesheets wait for your approval, the oldest since 17 November 2026."),
        ("de", "warten auf Ihre Genehmigung, die älteste seit dem 17. November 2026."),
    ],
)
def test_waiting_weeks_are_counted_since_the_local_day(locale: str, expected: str) -> None:
    assert expected in text_of(render(Kind.WEEKS_WAITING, locale))


@pytest.mark.parametrize(
    ("week", "english", "german"),
    [
        ("2026-W48", "23 to 29 November 2026", "23. bis 29. November 2026"),
        ("2026-W10", "2 to 8 March 2026", "2. bis 8. März 2026"),
        ("2026-W49", "30 November to 6 December 2026", "30. November bis 6. Dezember 2026"),
        ("2026-W53", "28 December 2026 to 3 January 2027", "28. Dezember 2026 bis 3. Januar 2027"),
    ],
)
def test_weeks_are_named_by_their_days(week: str, english: str, german: str) -> None:
    assert (days_of(Week.parse(week), "en"), days_of(Week.parse(week), "de")) == (english, german)


def test_an_unknown_language_is_english() -> None:
    assert [language_of(tag) for tag in ("", "pt-BR", "DE", "de-CH")] == ["en", "en", "de", "de"]


@pytest.mark.parametrize(
    "url",
    ["http://mail", "smtp://", "smtp://user@mail", "smtp://mail:99999", "smtp://u:s3cret@[mail"],
)
def test_a_wrong_smtp_url_is_refused_without_printing_it(url: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        NoticeSettings.read(environment(DATABASE, url))
    (mistake,) = refusal.value.mistakes
    assert mistake.startswith("SMTP_URL is not ")
    assert "s3cret" not in mistake


def test_all_mistakes_are_reported_at_once() -> None:
    with pytest.raises(SettingsError) as refusal:
        NoticeSettings.read({"MAIL_FROM": "nobody", "PORTAL_URL": "http://portal"})
    message = " ".join(refusal.value.mistakes)
    for name in ("DATABASE_URL", "SMTP_URL", "MAIL_FROM", "PORTAL_URL"):
        assert name in message


def test_mail_leaves_the_machine_encrypted_and_no_secret_is_shown() -> None:
    settings = NoticeSettings.read(environment(DATABASE, "smtp://user:p%40ss@mail.example.com"))
    assert (settings.smtp.port, settings.smtp.start_tls) == (587, True)
    assert settings.smtp.password == "p@ss"
    implicit = NoticeSettings.read(environment(DATABASE, "smtps://mail.example.com")).smtp
    assert (implicit.port, implicit.implicit_tls, implicit.start_tls) == (465, True, False)
    assert not NoticeSettings.read(environment(DATABASE, "smtp://127.0.0.1:25")).smtp.start_tls
    shown = f"{settings!r} {settings.described()}"
    assert "p@ss" not in shown
    assert "s3cret" not in shown
