"""Text that can be copied: hold it, or click it with the right button."""

from __future__ import annotations

from typing import Any

from kivy.clock import Clock, ClockEvent
from kivy.metrics import dp
from kivy.properties import ColorProperty
from kivymd.app import MDApp

from mobile.ui.layout import load_kv
from mobile.ui.text import Text

HOLD_SECONDS, STILL = 0.5, 10


class CopyableText(Text):
    """A note, a reason or an error: something to paste into a message to somebody else."""

    # Another colour than that of secondary text: a second rule for text_color would compete.
    ink = ColorProperty(None, allownone=True)
    _holding: ClockEvent | None = None

    def on_touch_down(self, touch: Any) -> bool:
        if self.text and self.collide_point(*touch.pos):
            if getattr(touch, "button", "left") == "right":
                self.copy()
                return True
            self._release()
            self._holding = Clock.schedule_once(lambda _dt: self.copy(), HOLD_SECONDS)
        return bool(super().on_touch_down(touch))

    def on_touch_move(self, touch: Any) -> bool:
        if max(abs(touch.x - touch.ox), abs(touch.y - touch.oy)) > dp(STILL):
            self._release()
        return bool(super().on_touch_move(touch))

    def on_touch_up(self, touch: Any) -> bool:
        self._release()
        return bool(super().on_touch_up(touch))

    def copy(self) -> None:
        """Copy the text and say so."""
        # Imported here: finding the clipboard of a desktop starts processes.
        from kivy.core.clipboard import Clipboard

        self._release()
        Clipboard.copy(self.text)
        shell = MDApp.get_running_app().shell
        if shell is not None:
            shell.notify_key("text.copied")

    def _release(self) -> None:
        if self._holding is not None:
            self._holding.cancel()
            self._holding = None


load_kv(__file__)
