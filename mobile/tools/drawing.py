"""The pictures of one size; imported once Kivy's settings are made."""

from __future__ import annotations

import tempfile
from io import BytesIO
from pathlib import Path

from kivy.base import EventLoop, stopTouchApp
from kivy.clock import Clock
from kivy.core.window import Window
from PIL import Image, ImageDraw

from mobile.app import TimesheetsApp
from mobile.core.network import make_client
from mobile.preferences import Preferences
from mobile.tools.sample import NoBrowser, StillClock, enter, fill, make_model, make_session
from mobile.tools.scenes import SCENES, Scene, is_drawn, tidy
from mobile.ui.shell import Shell
from mobile.viewmodels.profile import Appearance

PICTURE = "https://pictures.exampleco.com/maya.png"
LOOKS = (Appearance.LIGHT, Appearance.DARK)
FRAMES = 4


def avatar() -> bytes:
    """Head and shoulders in two tones, as such pictures are where nobody chose another."""
    side = 256
    image = Image.new("RGB", (side, side), (214, 226, 232))
    draw = ImageDraw.Draw(image)
    draw.ellipse((side * 0.12, side * 0.62, side * 0.88, side * 1.4), fill=(58, 110, 130))
    draw.ellipse((side * 0.3, side * 0.18, side * 0.7, side * 0.64), fill=(236, 200, 170))
    draw.pieslice((side * 0.27, side * 0.12, side * 0.73, side * 0.62), 180, 360, fill=(70, 52, 44))
    made = BytesIO()
    image.save(made, "PNG")
    return made.getvalue()


class FrameTime:
    """Time that goes on with the frames: indicators and scroll bars move the same in every run."""

    seconds = 0.0

    @classmethod
    def start(cls) -> None:
        """Give Kivy this time from now on."""
        # From now: what is scheduled already must still come.
        cls.seconds = Clock.time()
        # Waiting for a frame would never end: no time passes meanwhile.
        Clock._max_fps = 0
        Clock.time = lambda: cls.seconds


def settle(frames: int = FRAMES) -> None:
    """Wait until layouts and colours are settled."""
    for _ in range(frames):
        FrameTime.seconds += 1 / 60
        EventLoop.idle()


def take(path: Path) -> None:
    """Save a picture of the window."""
    settle()
    made = Path(Window.screenshot(name=str(path.with_suffix(".new.png"))))
    # As few colours as a flat design needs: a quarter of the bytes.
    flat = Image.open(made).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    flat.save(path, optimize=True)
    made.unlink()


async def draw(folder: Path, size: str, only: str = "") -> None:
    """Draw the scenes into the folder, in the size; `only` chooses those whose names contain it."""
    FrameTime.start()
    with tempfile.TemporaryDirectory() as place:
        async with make_client() as http:
            clock = StillClock()
            session = make_session(http, Path(place), clock)
            session.pictures.keep(PICTURE, avatar())
            fill(session.open_sample(), PICTURE)
            model = make_model(session)
            preferences = Preferences(Path(place) / "preferences.json")
            preferences.language = "en"
            app = TimesheetsApp(model, NoBrowser(), preferences, clock)
            enter(model)
            app.run_quietly()
            for look in LOOKS:
                app.set_appearance(look)
                for name, scene in SCENES.items():
                    seen = is_drawn(name, size, look)
                    if only in name and seen:
                        show(app.shell, scene)
                        take(folder / f"{name}-{size}-{look}.png")
                        tidy(app.shell)
            if app.shell is not None:
                app.shell.leave()
            stopTouchApp()
            await session.close()


def show(shell: Shell | None, scene: Scene) -> None:
    """Bring the app into the scene."""
    if shell is None:
        raise RuntimeError("the app was not built")
    settle(2)
    scene(shell)
