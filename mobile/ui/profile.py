"""The person, and how the app is set up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import TYPE_CHECKING

from kivy.metrics import dp
from kivy.properties import BooleanProperty, ObjectProperty, StringProperty
from kivymd.uix.boxlayout import MDBoxLayout
from kivymd.uix.stacklayout import MDStackLayout

from mobile import VERSION
from mobile.core.durations import format_duration
from mobile.ui.calendar import DaySheet
from mobile.ui.parts import Action, Chip, ErrorLine, Field, HeadLine, Sheet, Tap, load_kv
from mobile.viewmodels.profile import Appearance, ProfileModel

if TYPE_CHECKING:
    from mobile.ui.shell import Shell

# Each language in its own words, so that it can be found from any other.
LANGUAGE_NAMES = {"en": "English", "de": "Deutsch"}
STAND_IN = timedelta(days=14)


class SettingRow(Tap):
    icon = StringProperty()
    title = StringProperty()
    text = StringProperty()
    opens = BooleanProperty(True)
    wrong = BooleanProperty(False)


class SettingLine(MDBoxLayout):
    """What can be read here and is set elsewhere."""

    icon = StringProperty()
    title = StringProperty()
    text = StringProperty()


class Group(MDBoxLayout):
    """Rows that belong together."""


class ChoiceRow(MDBoxLayout):
    icon = StringProperty()
    title = StringProperty()

    def offer(self, chips: list[Chip]) -> None:
        self.ids.chips.clear_widgets()
        for chip in chips:
            self.ids.chips.add_widget(chip)


class ProfileScreen(MDBoxLayout):
    split = BooleanProperty(False)
    model: ProfileModel = ObjectProperty()

    def __init__(self, model: ProfileModel, shell: Shell, **options: object) -> None:
        super().__init__(model=model, **options)
        self._shell = shell
        words = shell.words
        self.ids.version.text = words("profile.version", version=VERSION)
        self.ids.leave.text = words("sign_out")
        self.ids.appearance.title = words("profile.appearance")
        self.ids.language.title = words("profile.language")
        self.ids.text_size.title = words("profile.text_size")
        self.ids.text_size.text = words("profile.text_size_follows")
        self.ids.leave.bind(on_release=lambda *_: shell.sign_out())
        shell.pull(self.ids.scroll)
        self._unwatch = model.watch(self.render)
        self.render()

    def leave(self) -> None:
        self._unwatch()

    def render(self) -> None:
        model, words = self.model, self._shell.words
        self.ids.name.text = self.ids.portrait.name = model.name
        self.ids.email.text = model.email
        self.ids.portrait.picture = self._shell.model.picture or ""
        for group in (self.ids.rows, self.ids.device):
            group.clear_widgets()
        target = words("hours", hours=format_duration(model.target_minutes))
        self._row("bullseye-arrow", "profile.target", target, self._edit_target)
        if model.can_delegate:
            text = self._delegate()
            self._row("account-switch", "profile.delegate", text, self.edit_delegate)
        place = self.ids.device
        synchronise = self._shell.synchronise
        row = self._row("database-outline", "profile.stored", self._stored(), synchronise, place)
        row.opens = False
        number = model.stored.problems
        text = words("sync.problems", count=number) if number else words("problems.none")
        open_problems = self._shell.open_problems
        row = self._row(
            "alert-circle-outline", "profile.problems", text, open_problems, self.ids.device
        )
        row.wrong = number > 0
        self._offer_choices()

    def _row(
        self, icon: str, key: str, text: str, act: Callable[[], None], group: Group | None = None
    ) -> SettingRow:
        row = SettingRow(icon=icon, title=self._shell.words(key), text=text)
        row.bind(on_release=lambda *_: act())
        (group or self.ids.rows).add_widget(row)
        return row

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
        parts = [words("profile.entries", count=stored.entries), text]
        if stored.waiting:
            parts.append(words("profile.waiting", count=stored.waiting))
        return "\n".join(parts)

    def _offer_choices(self) -> None:
        words, shell = self._shell.words, self._shell
        looks, languages = [], []
        for choice in Appearance:
            chip = Chip(text=words(f"profile.{choice}"), active=shell.appearance == choice)
            chip.bind(on_release=lambda _chip, choice=choice: self._look(choice))
            looks.append(chip)
        for code, name in LANGUAGE_NAMES.items():
            chip = Chip(text=name, active=words.language == code)
            chip.bind(on_release=lambda _chip, code=code: shell.speak(code))
            languages.append(chip)
        self.ids.appearance.offer(looks)
        self.ids.language.offer(languages)

    def _look(self, choice: Appearance) -> None:
        self._shell.look(choice)
        self.render()

    def _edit_target(self) -> None:
        self._shell.show(TargetSheet(self.model, self._shell))

    def edit_delegate(self) -> None:
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
    """Who stands in, and between which days."""

    def __init__(self, model: ProfileModel, shell: Shell) -> None:
        words, known = shell.words, model.delegate
        super().__init__(title=words("profile.delegate"))
        self._model = model
        self._shell = shell
        self._since = known.since if known is not None else shell.today
        self._until = known.until if known is not None else shell.today + STAND_IN
        self._chosen = (known.person, known.name) if known is not None else None
        content = self.ids.content
        self.days = MDStackLayout(adaptive_height=True, spacing=(dp(8), 0))
        content.add_widget(HeadLine(text=words("profile.delegate_days")))
        content.add_widget(self.days)
        self.error = ErrorLine()
        content.add_widget(self.error)
        content.add_widget(HeadLine(text=words("profile.delegate_who")))
        self.chosen = MDStackLayout(adaptive_height=True)
        content.add_widget(self.chosen)
        content.add_widget(Field(hint=words("profile.delegate_search"), tell=self._search))
        self.people = MDBoxLayout(orientation="vertical", adaptive_height=True)
        content.add_widget(self.people)
        if known is not None:
            self._offer("profile.delegate_clear", self._clear, "outlined")
        self._offer("save", self.save, "filled")
        self._unwatch = model.watch(self._render)
        model.search_people("")
        self._render()

    def close(self) -> None:
        self._unwatch()
        super().close()

    def save(self) -> None:
        if self._chosen is None:
            self.error.text = self._shell.words("profile.delegate_nobody")
        elif self._model.set_delegate(*self._chosen, self._since, self._until):
            self.close()
        else:
            self.error.text = self._shell.words("profile.delegate_days_wrong")

    def _offer(self, key: str, act: Callable[[], None], kind: str) -> None:
        wide = 1 if kind == "filled" else None
        action = Action(kind=kind, text=self._shell.words(key), size_hint_x=wide)
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
        words = self._shell.words
        self.days.clear_widgets()
        for key, day, act in (
            ("profile.from", self._since, self._set_since),
            ("profile.to", self._until, self._set_until),
        ):
            chip = Chip(text=words(key, day=words.weekday_and_day(day)), icon="calendar")
            chip.bind(on_release=lambda _chip, day=day, act=act: self._pick(day, act))
            self.days.add_widget(chip)

    def _pick(self, day: date, act: Callable[[date], None]) -> None:
        self._shell.show(DaySheet(self._shell.words, day, act))

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


load_kv(__file__)
