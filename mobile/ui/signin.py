"""Before anybody is signed in, while the browser is open, and without rights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kivy.properties import StringProperty
from kivymd.uix.relativelayout import MDRelativeLayout

from mobile.ui.buttons import PushButton
from mobile.ui.layout import load_kv
from mobile.viewmodels.stages import Stage

if TYPE_CHECKING:
    from mobile.ui.shell import Shell


class SignInScreen(MDRelativeLayout):
    """The screen before anybody is signed in."""

    title = StringProperty()
    text = StringProperty()
    wrong = StringProperty()

    def __init__(self, shell: Shell, **options: object) -> None:
        super().__init__(**options)
        strings, app = shell.strings, shell.model
        self.title = strings("app")
        if app.stage is Stage.BROWSER:
            self.title = strings("sign_in.waiting")
            self.text = strings("sign_in.waiting_hint")
            self._offer("sign_in.again", app.sign_in, "tonal", shell)
            self._offer("cancel", app.cancel_sign_in, "text", shell)
        elif app.stage is Stage.FIRST_SYNC:
            self.title = strings("first_sync.title")
            self.text = strings("first_sync.offline" if app.offline else "first_sync.text")
            self._offer("sync.retry", app.synchronise, "filled", shell)
            self._offer("sign_out", shell.sign_out, "text", shell)
        elif app.stage is Stage.NO_RIGHTS:
            self.title = strings("no_rights.title")
            self.text = strings("no_rights.text", email=app.email)
            self._offer("sign_in.again", app.synchronise, "filled", shell)
            self._offer("sign_out", shell.sign_out, "text", shell)
        elif app.stage is Stage.SIGN_IN:
            self.text = strings("sign_in.promise")
            self.wrong = strings(f"sign_in.{app.failure}") if app.failure else ""
            if app.failure == "ended" and app.ended_with:
                self.wrong += "\n" + strings("sign_in.kept", count=app.ended_with)
            self._offer("sign_in.button", app.sign_in, "filled", shell)
            if app.failure == "store" and app.can_agree:
                self.wrong = strings("sign_in.agree_why")
                self._offer("sign_in.agree", app.agree, "text", shell)

    def _offer(self, key: str, act: object, kind: str, shell: Shell) -> None:
        action = PushButton(text=shell.strings(key), kind=kind, size_hint_x=1)
        action.bind(on_release=lambda *_: act())
        self.ids.actions.add_widget(action)

    def leave(self) -> None:
        """Watches nothing, so there is nothing to stop: each stage creates a new one."""


load_kv(__file__)
