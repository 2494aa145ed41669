"""Draws the icon and the splash: `python -m mobile.tools.icons`."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw

DATA = Path(__file__).parents[1] / "data"
TEAL, LIGHT, WHITE = (0, 106, 96), (156, 242, 228), (255, 255, 255)
# Drawn larger and made smaller: smooth edges.
SCALE = 4


def draw_bars(draw: ImageDraw.ImageDraw, left: float, top: float, side: float) -> None:
    """A working week: five bars, the last day short."""
    heights = (0.78, 0.7, 0.9, 0.62, 0.34)
    width, gap = side * 0.14, side * 0.075
    for number, height in enumerate(heights):
        x = left + number * (width + gap)
        bottom = top + side
        box = (x, bottom - side * height, x + width, bottom)
        fill = WHITE if number < 4 else LIGHT
        draw.rounded_rectangle(box, radius=width / 2, fill=fill)


def draw_icon(size: int, *, rounded: bool) -> Image.Image:
    """The app's icon of so many pixels."""
    big = size * SCALE
    image = Image.new("RGBA", (big, big), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    radius = big * 0.22 if rounded else 0
    draw.rounded_rectangle((0, 0, big - 1, big - 1), radius=radius, fill=TEAL)
    draw_bars(draw, big * 0.25, big * 0.24, big * 0.5)
    return image.resize((size, size), Image.Resampling.LANCZOS)


def draw_foreground(size: int) -> Image.Image:
    """The front layer of Android's adaptive icon: only the middle two thirds are sure to show."""
    big = size * SCALE
    image = Image.new("RGBA", (big, big), (0, 0, 0, 0))
    draw_bars(ImageDraw.Draw(image), big * 0.335, big * 0.33, big * 0.33)
    return image.resize((size, size), Image.Resampling.LANCZOS)


def draw_splash(width: int, height: int) -> Image.Image:
    """The picture that is shown while the app starts."""
    image = Image.new("RGB", (width, height), TEAL)
    icon = draw_icon(width // 3, rounded=True)
    image.paste(icon, ((width - icon.width) // 2, (height - icon.height) // 2), icon)
    return image


def main() -> None:
    """Draw all icons into the app's data."""
    DATA.mkdir(exist_ok=True)
    draw_icon(512, rounded=True).save(DATA / "icon.png", optimize=True)
    draw_foreground(432).save(DATA / "icon-foreground.png", optimize=True)
    Image.new("RGB", (432, 432), TEAL).save(DATA / "icon-background.png", optimize=True)
    draw_splash(720, 1280).save(DATA / "splash.png", optimize=True)


if __name__ == "__main__":
    main()
