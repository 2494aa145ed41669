"""Strings: one file for each language, and dates and figures as that language writes them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from mobile.core.weeks import Week
from mobile.text.de import GERMAN
from mobile.text.en import ENGLISH

LANGUAGES: Mapping[str, Mapping[str, str]] = {"en": ENGLISH, "de": GERMAN}


def language_of(locale: str | None) -> str:
    """The nearest language there is for `de_DE.UTF-8`, `de-AT` or nothing."""
    code = (locale or "").replace("_", "-").partition("-")[0].lower()
    return code if code in LANGUAGES else "en"


class Strings:
    """The texts of one language, and how it writes days and moments."""

    def __init__(self, language: str) -> None:
        self.language = language_of(language)
        self._strings = LANGUAGES[self.language]

    def __call__(self, key: str, **arguments: object) -> str:
        """The sentence for `key`; with `count` 1 its singular, where it has one."""
        if arguments.get("count") == 1 and f"{key}.one" in self._strings:
            key = f"{key}.one"
        text = self._strings[key].format(**arguments)
        # An abbreviated month ends with the stop of its sentence.
        return text[:-1] if text.endswith("..") and not text.endswith("...") else text

    def known(self, key: str) -> bool:
        """Whether there is a text for the key."""
        return key in self._strings

    def weekday(self, day: date) -> str:
        """The weekday, in short."""
        return self._strings["days"].split()[day.weekday()]

    def weekday_letter(self, day: date) -> str:
        """The weekday's first letter."""
        return self._strings["day_letters"].split()[day.weekday()]

    def day(self, day: date) -> str:
        """`Thursday 19 November`"""
        month = self._strings["months"].split()[day.month - 1]
        return self._strings["day_form"].format(weekday=self.weekday(day), day=day.day, month=month)

    def short_day(self, day: date) -> str:
        """`19 Nov`"""
        return self._strings["short_day_form"].format(day=day.day, month=self._short_month(day))

    def weekday_and_day(self, day: date) -> str:
        """`Thu 19 Nov`"""
        weekday = self._strings["short_days"].split()[day.weekday()]
        return f"{weekday} {self.short_day(day)}"

    def month(self, day: date) -> str:
        """`November 2026`"""
        return f"{self._strings['months'].split()[day.month - 1]} {day.year}"

    def week(self, week: Week) -> str:
        """`16-22 Nov · week 47`"""
        first, last = week.monday, week.sunday
        begin = str(first.day) if first.month == last.month else self.short_day(first)
        span = self._strings["span_form"].format(begin=begin, end=self.short_day(last))
        span = span.replace("..", ".")
        return f"{span} · {self('week_number', number=week.number)}"

    def week_number(self, day: date) -> str:
        """`week 47`"""
        return self("week_number", number=Week.of(day).number)

    def week_parts(self, week: Week, today: date) -> tuple[str, str]:
        """`16-22 Nov` and `Week 47`; the year is named if it is not this one."""
        span, _, number = self.week(week).partition(" · ")
        number = number[:1].upper() + number[1:]
        year = week.days[3].year
        return span, number if year == today.year else f"{number} · {year}"

    def moment(self, moment: datetime) -> str:
        """The day and time in the device's time zone."""
        local = moment.astimezone()
        return f"{self.short_day(local.date())}, {local:%H:%M}"

    def _short_month(self, day: date) -> str:
        return self._strings["short_months"].split()[day.month - 1]
