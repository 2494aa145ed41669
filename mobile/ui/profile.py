"""The person, and how the app is set up."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kivy.properties import BooleanProperty, ObjectProperty, StringProperty
from kivymd.uix.boxlayout import MDBoxLayout

from mobile import VERSION
from mobile.core.durations import format_duration
from mobile.ui.buttons import Chip
from mobile.ui.layout import load_kv
from mobile.ui.profile_sheets import DelegateSheet, TargetSheet
from mobile.ui.rows import SettingRow
from mobile.viewmodels.profile import Appearance, ProfileModel

if TYPE_CHECKING:
    from mobile.ui.frame import SettingsFrame

# Each language in its own strings, so that it can be found from any other.
LANGUAGE_NAMES = {"en": "English", "de": "Deutsch"}


class SettingLine(MDBoxLayout):
    """A value that is shown here and set elsewhere."""

    icon = StringProperty()
    title = StringProperty()
    text = StringProperty()


class Group(MDBoxLayout):
    """Rows that belong together."""


class ChoiceRow(MDBoxLayout):
    """A setting with its choices."""

    icon = StringProperty()
    title = StringProperty()

    def offer(self, chips: list[Chip]) -> None:
        """Show these choices."""
        self.ids.chips.clear_widgets()
        for chip in chips:
            self.ids.chips.add_widget(chip)


class ProfileScreen(MDBoxLayout):
    """The person, their settings, and what is stored on the device."""

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
        """Stop watching; the screen goes."""
        self._unwatch()

    def render(self) -> None:
        """Show the model as it is now."""
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
        """Open the choice of a delegate."""
        self._frame.show(DelegateSheet(self.model, self._frame))


load_kv(__file__)
