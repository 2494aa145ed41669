"""The sheets of the profile: the weekly target, and the choice of a delegate."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import TYPE_CHECKING

from kivy.metrics import dp
from kivymd.uix.boxlayout import MDBoxLayout
from kivymd.uix.stacklayout import MDStackLayout

from mobile.core.durations import format_duration
from mobile.ui.buttons import Chip, PushButton
from mobile.ui.calendar import DaySheet, show_range
from mobile.ui.field import Field
from mobile.ui.panels import ErrorText, SectionTitle
from mobile.ui.rows import SettingRow
from mobile.ui.sheet import BottomSheet
from mobile.viewmodels.profile import ProfileModel

if TYPE_CHECKING:
    from mobile.ui.frame import SettingsFrame

STAND_IN = timedelta(days=14)


class TargetSheet(BottomSheet):
    """A sheet for the weekly target."""

    def __init__(self, model: ProfileModel, frame: SettingsFrame) -> None:
        strings = frame.strings
        super().__init__(title=strings("profile.target"))
        self._model = model
        self._strings = strings
        self.hours = Field(hint="40:00", text=format_duration(model.target_minutes or 0))
        self.ids.content.add_widget(self.hours)
        save = PushButton(text=strings("save"), size_hint_x=1)
        save.bind(on_release=lambda *_: self.save())
        self.ids.foot.add_widget(save)

    def save(self) -> None:
        """Save the target and close, or show what is wrong."""
        if self._model.set_target(self.hours.text):
            self.close()
        else:
            self.hours.error = self._strings("profile.target_error")


class DelegateSheet(BottomSheet):
    """Choose a delegate and the days."""

    def __init__(self, model: ProfileModel, frame: SettingsFrame) -> None:
        strings, known = frame.strings, model.delegate
        super().__init__(title=strings("profile.delegate"))
        self._model = model
        self._frame = frame
        self._since = known.since if known is not None else frame.today
        self._until = known.until if known is not None else frame.today + STAND_IN
        self._chosen = (known.person, known.name) if known is not None else None
        content = self.ids.content
        self.days = MDStackLayout(adaptive_height=True, spacing=(dp(8), 0))
        content.add_widget(SectionTitle(text=strings("profile.delegate_days")))
        content.add_widget(self.days)
        self.error = ErrorText()
        content.add_widget(self.error)
        content.add_widget(SectionTitle(text=strings("profile.delegate_who")))
        self.chosen = MDStackLayout(adaptive_height=True)
        content.add_widget(self.chosen)
        content.add_widget(Field(hint=strings("profile.delegate_search"), callback=self._search))
        self.people = MDBoxLayout(orientation="vertical", adaptive_height=True)
        content.add_widget(self.people)
        if known is not None:
            self._offer("profile.delegate_clear", self._clear, "outlined")
        self._offer("save", self.save, "filled")
        self._unwatch = model.watch(self._render)
        model.search_people("")
        self._render()

    def close(self) -> None:
        """Leave the form."""
        self._unwatch()
        super().close()

    def save(self) -> None:
        """Appoint the delegate and close, or show what is wrong."""
        if self._chosen is None:
            self.error.text = self._frame.strings("profile.delegate_nobody")
        elif self._model.set_delegate(*self._chosen, self._since, self._until):
            self.close()
        else:
            self.error.text = self._frame.strings("profile.delegate_days_wrong")

    def _offer(self, key: str, act: Callable[[], None], kind: str) -> None:
        wide = 1 if kind == "filled" else None
        action = PushButton(kind=kind, text=self._frame.strings(key), size_hint_x=wide)
        action.bind(on_release=lambda *_: act())
        self.ids.foot.add_widget(action)

    def _search(self, text: str) -> None:
        self._model.search_people(text)

    def _render(self) -> None:
        self._render_days()
        self.chosen.clear_widgets()
        if self._chosen is not None:
            person, name = self._chosen
            self.chosen.add_widget(Chip(text=name or person, active=True))
        self.people.clear_widgets()
        for person in self._model.found:
            row = SettingRow(icon="account-outline", title=person.name or person.person)
            row.text, row.opens = person.email or "", False
            row.bind(on_release=lambda _row, p=person: self._choose(p.person, p.name))
            self.people.add_widget(row)

    def _render_days(self) -> None:
        days = (self._since, self._set_since), (self._until, self._set_until)
        show_range(self.days, self._frame.strings, *days, self._pick)

    def _pick(self, day: date, act: Callable[[date], None]) -> None:
        self._frame.show(DaySheet(self._frame.strings, day, act))

    def _set_since(self, day: date) -> None:
        """The span keeps its length where it would end before it begins."""
        length = max(self._until - self._since, timedelta(0))
        self._since, self._until = day, self._until if self._until >= day else day + length
        self._changed()

    def _set_until(self, day: date) -> None:
        self._until = day
        self._changed()

    def _choose(self, person: str, name: str | None) -> None:
        self._chosen = (person, name)
        self._changed()

    def _changed(self) -> None:
        self.error.text = ""
        self._render()

    def _clear(self) -> None:
        self._model.clear_delegate()
        self.close()
