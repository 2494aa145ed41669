"""The person, and how the app is set up."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from kivy.properties import BooleanProperty, ObjectProperty, StringProperty
from kivymd.uix.boxlayout import MDBoxLayout

from mobile import VERSION
from mobile.core.durations import format_duration
from mobile.ui.entry import QuietLine
from mobile.ui.parts import Action, Chip, Field, Sheet, Tap, load_kv
from mobile.viewmodels.profile import Appearance, ProfileModel

if TYPE_CHECKING:
    from mobile.ui.shell import Shell

# Each language in its own words, so that it can be found from any other.
LANGUAGE_NAMES = {"en": "English", "de": "Deutsch"}
STAND_IN_DAYS = 14


class SettingRow(Tap):
    icon = StringProperty()
    title = StringProperty()
    text = StringProperty()


class ProfileScreen(MDBoxLayout):
    split = BooleanProperty(False)
    model: ProfileModel = ObjectProperty()

    def __init__(self, model: ProfileModel, shell: Shell, **options: object) -> None:
        super().__init__(model=model, **options)
        self._shell = shell
        self.ids.leave.bind(on_release=lambda *_: shell.sign_out())
        self._unwatch = model.watch(self.render)
        self.render()

    def leave(self) -> None:
        self._unwatch()

    def render(self) -> None:
        model, words, rows = self.model, self._shell.words, self.ids.rows
        self.ids.name.text = model.name
        self.ids.email.text = model.email
        self.ids.initials.text = "".join(part[0] for part in model.name.split()[:2]).upper()
        self.ids.version.text = words("profile.version", version=VERSION)
        self.ids.leave.text = words("sign_out")
        rows.clear_widgets()
        target = words("hours", hours=format_duration(model.target_minutes))
        self._row("bullseye-arrow", "profile.target", target, self._edit_target)
        if model.can_delegate:
            self._row("account-switch", "profile.delegate", self._delegate(), self._edit_delegate)
        self._row("database-outline", "profile.stored", self._stored(), self._shell.synchronise)
        problems = str(model.stored.problems)
        self._row("alert-circle-outline", "profile.problems", problems, self._shell.open_problems)
        self._chips()

    def _row(self, icon: str, key: str, text: str, act: object) -> None:
        row = SettingRow(icon=icon, title=self._shell.words(key), text=text)
        row.bind(on_release=lambda *_: act())
        self.ids.rows.add_widget(row)

    def _delegate(self) -> str:
        words, delegate = self._shell.words, self.model.delegate
        if delegate is None:
            return words("profile.no_delegate")
        return words(
            "profile.delegate_until",
            name=delegate.name or delegate.person,
            since=words.short_day(delegate.since),
            until=words.short_day(delegate.until),
        )

    def _stored(self) -> str:
        words, stored = self._shell.words, self.model.stored
        if stored.synced_at is None:
            text = words("profile.never_synced")
        else:
            text = words("profile.synced", moment=words.moment(stored.synced_at))
        if stored.waiting:
            text = f"{text} · {words('profile.waiting', count=stored.waiting)}"
        return text

    def _chips(self) -> None:
        words, shell = self._shell.words, self._shell
        self.ids.appearance_title.text = words("profile.appearance")
        self.ids.language_title.text = words("profile.language")
        self.ids.appearance.clear_widgets()
        self.ids.language.clear_widgets()
        for choice in Appearance:
            chip = Chip(text=words(f"profile.{choice}"), active=shell.appearance == choice)
            chip.bind(on_release=lambda _chip, choice=choice: self._look(choice))
            self.ids.appearance.add_widget(chip)
        for code, name in LANGUAGE_NAMES.items():
            chip = Chip(text=name, active=words.language == code)
            chip.bind(on_release=lambda _chip, code=code: shell.speak(code))
            self.ids.language.add_widget(chip)

    def _look(self, choice: Appearance) -> None:
        self._shell.look(choice)
        self.render()

    def _edit_target(self) -> None:
        self._shell.show(TargetSheet(self.model, self._shell))

    def _edit_delegate(self) -> None:
        self._shell.show(DelegateSheet(self.model, self._shell))


class TargetSheet(Sheet):
    def __init__(self, model: ProfileModel, shell: Shell) -> None:
        words = shell.words
        super().__init__(title=words("profile.target"))
        self._model = model
        self._words = words
        self.hours = Field(hint="40:00", text=format_duration(model.target_minutes))
        self.ids.content.add_widget(self.hours)
        save = Action(text=words("save"), size_hint_x=1)
        save.bind(on_release=lambda *_: self.save())
        self.ids.foot.add_widget(save)

    def save(self) -> None:
        if self._model.set_target(self.hours.text):
            self.close()
        else:
            self.hours.error = self._words("profile.target_error")


class DelegateSheet(Sheet):
    """Somebody who stands in for two weeks from today; other days are set in the directory."""

    def __init__(self, model: ProfileModel, shell: Shell) -> None:
        words = shell.words
        super().__init__(title=words("profile.delegate"))
        self._model = model
        self._shell = shell
        self._since = shell.today
        self._until = shell.today + timedelta(days=STAND_IN_DAYS)
        search = Field(hint=words("profile.delegate_search"), on_typed=model.search_people)
        self.ids.content.add_widget(search)
        self.ids.content.add_widget(
            QuietLine(text=f"{words.day(self._since)} \u2013 {words.day(self._until)}")
        )
        self.people = MDBoxLayout(orientation="vertical", adaptive_height=True)
        self.ids.content.add_widget(self.people)
        if model.delegate is not None:
            clear = Action(kind="outlined", text=words("profile.delegate_clear"), size_hint_x=1)
            clear.bind(on_release=lambda *_: self._clear())
            self.ids.foot.add_widget(clear)
        self._unwatch = model.watch(self._render)
        model.search_people("")

    def close(self) -> None:
        self._unwatch()
        super().close()

    def _render(self) -> None:
        self.people.clear_widgets()
        for person in self._model.found:
            row = SettingRow(icon="account", title=person.name or "", text=person.email or "")
            row.bind(on_release=lambda _row, p=person: self._choose(p.person, p.name))
            self.people.add_widget(row)

    def _choose(self, person: str, name: str | None) -> None:
        if self._model.set_delegate(person, name, self._since, self._until):
            self.close()

    def _clear(self) -> None:
        self._model.clear_delegate()
        self.close()


load_kv(__file__)
