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
from mobile.ui.buttons import Chip, PushButton, TappableRow
from mobile.ui.calendar import DaySheet
from mobile.ui.field import Field
from mobile.ui.layout import load_kv
from mobile.ui.panels import ErrorText, SectionTitle
from mobile.ui.sheet import BottomSheet
from mobile.viewmodels.profile import Appearance, ProfileModel

if TYPE_CHECKING:
    from mobile.ui.frame import SettingsFrame

# Each language in its own strings, so that it can be found from any other.
LANGUAGE_NAMES = {"en": "English", "de": "Deutsch"}
STAND_IN = timedelta(days=14)


class SettingRow(TappableRow):
    icon = StringProperty()
    title = StringProperty()
    text = StringProperty()
    opens = BooleanProperty(True)
    wrong = BooleanProperty(False)


class SettingLine(MDBoxLayout):
    """A value that is shown here and set elsewhere."""

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

    def __init__(self, model: ProfileModel, frame: SettingsFrame, **options: object) -> None:
        super().__init__(model=model, **options)
        self._frame = frame
        strings = frame.strings
        self.ids.version.text = strings("profile.version", version=VERSION)
        self.ids.leave.text = strings("sign_out")
        self.ids.appearance.title = strings("profile.appearance")
        self.ids.language.title = strings("profile.language")
        self.ids.text_size.title = strings("profile.text_size")
        self.ids.text_size.text = strings("profile.text_size_follows")
        self.ids.leave.bind(on_release=lambda *_: frame.sign_out())
        frame.make_refreshable(self.ids.scroll)
        self._unwatch = model.watch(self.render)
        self.render()

    def leave(self) -> None:
        self._unwatch()

    def render(self) -> None:
        model, strings = self.model, self._frame.strings
        self.ids.name.text = self.ids.avatar.name = model.name
        self.ids.email.text = model.email
        self.ids.avatar.picture = self._frame.picture or ""
        for group in (self.ids.rows, self.ids.device):
            group.clear_widgets()
        minutes = model.target_minutes
        target = (
            strings("hours", hours=format_duration(minutes))
            if minutes is not None
            else strings("profile.no_target")
        )
        self._row("bullseye-arrow", "profile.target", target, self._edit_target)
        if model.can_delegate:
            text = self._delegate()
            self._row("account-switch", "profile.delegate", text, self.edit_delegate)
        place = self.ids.device
        key = "on" if self._frame.notifications else "off"
        text = strings(f"profile.notifications_{key}")
        row = self._row("bell-outline", "profile.notifications", text, self._toggle, place)
        row.opens = False
        synchronise = self._frame.synchronise
        row = self._row("database-outline", "profile.stored", self._stored(), synchronise, place)
        row.opens = False
        number = model.stored.problems
        text = strings("sync.problems", count=number) if number else strings("problems.none")
        open_problems = self._frame.open_problems
        row = self._row(
            "alert-circle-outline", "profile.problems", text, open_problems, self.ids.device
        )
        row.wrong = number > 0
        self._offer_choices()

    def _row(
        self, icon: str, key: str, text: str, act: Callable[[], None], group: Group | None = None
    ) -> SettingRow:
        row = SettingRow(icon=icon, title=self._frame.strings(key), text=text)
        row.bind(on_release=lambda *_: act())
        (group or self.ids.rows).add_widget(row)
        return row

    def _delegate(self) -> str:
        strings, delegate = self._frame.strings, self.model.delegate
        if delegate is None:
            return strings("profile.no_delegate")
        return strings(
            "profile.delegate_until",
            name=delegate.name or delegate.person,
            since=strings.short_day(delegate.since),
            until=strings.short_day(delegate.until),
        )

    def _stored(self) -> str:
        strings, stored = self._frame.strings, self.model.stored
        if stored.synced_at is None:
            text = strings("profile.never_synced")
        else:
            text = strings("profile.synced", moment=strings.moment(stored.synced_at))
        parts = [strings("profile.entries", count=stored.entries), text]
        if stored.waiting:
            parts.append(strings("profile.waiting", count=stored.waiting))
        return "\n".join(parts)

    def _offer_choices(self) -> None:
        strings, frame = self._frame.strings, self._frame
        choices, languages = [], []
        for choice in Appearance:
            chip = Chip(text=strings(f"profile.{choice}"), active=frame.appearance == choice)
            chip.bind(on_release=lambda _chip, choice=choice: self._set_appearance(choice))
            choices.append(chip)
        for code, name in LANGUAGE_NAMES.items():
            chip = Chip(text=name, active=strings.language == code)
            chip.bind(on_release=lambda _chip, code=code: frame.set_language(code))
            languages.append(chip)
        self.ids.appearance.offer(choices)
        self.ids.language.offer(languages)

    def _set_appearance(self, choice: Appearance) -> None:
        self._frame.set_appearance(choice)
        self.render()

    def _toggle(self) -> None:
        self._frame.set_notifications(not self._frame.notifications)
        self.render()

    def _edit_target(self) -> None:
        self._frame.show(TargetSheet(self.model, self._frame))

    def edit_delegate(self) -> None:
        self._frame.show(DelegateSheet(self.model, self._frame))


class TargetSheet(BottomSheet):
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
        self._unwatch()
        super().close()

    def save(self) -> None:
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
        strings = self._frame.strings
        self.days.clear_widgets()
        for key, day, act in (
            ("profile.from", self._since, self._set_since),
            ("profile.to", self._until, self._set_until),
        ):
            chip = Chip(text=strings(key, day=strings.weekday_and_day(day)), icon="calendar")
            chip.bind(on_release=lambda _chip, day=day, act=act: self._pick(day, act))
            self.days.add_widget(chip)

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


load_kv(__file__)
