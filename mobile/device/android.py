"""Android's interfaces: insets, language, dark mode, notifications, background work.

Every function takes `autoclass` of pyjnius, so that it runs in tests without a phone.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

log = logging.getLogger(__name__)

ACTIVITY = "org.kivy.android.PythonActivity"
WORKER = "com.exampleco.timesheets.SendWorker"
CHANNEL = "timesheets"
NOTIFICATIONS = "android.permission.POST_NOTIFICATIONS"


@dataclass(frozen=True, slots=True)
class Insets:
    """The area covered by the system's bars, the cutout and the keyboard, in pixels."""

    left: int = 0
    top: int = 0
    right: int = 0
    bottom: int = 0


def read_insets(autoclass: Any) -> Insets:
    """From Android 15 on the window lies under the bars, and nobody can refuse that."""
    window = autoclass(ACTIVITY).mActivity.getWindow()
    insets = window.getDecorView().getRootWindowInsets()
    if insets is None:
        return Insets()
    kinds = autoclass("android.view.WindowInsets$Type")
    found = insets.getInsets(kinds.systemBars() | kinds.displayCutout() | kinds.ime())
    return Insets(found.left, found.top, found.right, found.bottom)


def read_language(autoclass: Any) -> str:
    """The first language of the device, as `de-DE`."""
    return str(autoclass("java.util.Locale").getDefault().toLanguageTag())


def is_dark(autoclass: Any) -> bool:
    """Whether the system shows dark colours."""
    configuration = autoclass("android.content.res.Configuration")
    mode = autoclass(ACTIVITY).mActivity.getResources().getConfiguration().uiMode
    return bool(mode & configuration.UI_MODE_NIGHT_MASK == configuration.UI_MODE_NIGHT_YES)


def read_text_size(autoclass: Any) -> float:
    """The scale of texts that the person has set for the device, 1.0 to 2.0 as a rule."""
    return float(autoclass(ACTIVITY).mActivity.getResources().getConfiguration().fontScale)


def may_notify(autoclass: Any) -> bool:
    """Whether the person has allowed notifications."""
    granted = autoclass(ACTIVITY).mActivity.checkSelfPermission(NOTIFICATIONS)
    return bool(granted == 0)


def ask_to_notify(autoclass: Any) -> None:
    """Ask for the permission; only once the person has turned notifications on."""
    autoclass(ACTIVITY).mActivity.requestPermissions([NOTIFICATIONS], 1)


def notify(autoclass: Any, number: int, title: str, text: str) -> None:
    """Show a notification; one with the same number replaces it."""
    activity = autoclass(ACTIVITY).mActivity
    manager = activity.getSystemService("notification")
    channel = autoclass("android.app.NotificationChannel")(CHANNEL, "ExampleCo Timesheets", 3)
    manager.createNotificationChannel(channel)
    builder = autoclass("android.app.Notification$Builder")(activity, CHANNEL)
    builder.setSmallIcon(activity.getApplicationInfo().icon)
    builder.setContentTitle(title)
    builder.setContentText(text)
    builder.setAutoCancel(True)
    manager.notify(number, builder.build())


def schedule_sending(autoclass: Any) -> None:
    """Let WorkManager send pending changes while the app is not running."""
    autoclass(WORKER).schedule(autoclass(ACTIVITY).mActivity)
