"""Builds the fallback font: `python -m mobile.tools.fonts`, with requirements/fonts.txt installed.

One font with Roboto's letters and those of Noto for other scripts: Kivy draws a line in one font.
Each part is cut down to one weight, without hinting, and scaled to Roboto's units.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from fontTools.fontBuilder import FontBuilder
from fontTools.merge import Merger
from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTCollection, TTFont
from fontTools.ttLib.scaleUpem import scale_upem
from fontTools.varLib.instancer import instantiateVariableFont

TARGET = Path(__file__).parents[1] / "data" / "fallback.ttf"
NAME = "Timesheets Fallback"
SCRIPTS = ("NotoSansArabic", "NotoSansHebrew", "NotoSansDevanagari", "NotoEmoji")
# Of the emoji font, its digits and punctuation are left to Roboto.
FIRST_EMOJI = 0x203C
REGULAR = {"wght": 400}
# The characters of these standards are the ones in daily use; rarer ones would double the size.
HAN_AND_HANGUL = ("gb2312", "shift_jis", "euc_kr")
# The frequent half of Big5: its first level.
BIG5_LEVEL_1 = range(0xA440, 0xC67F)
KANA_AND_WIDTHS = (range(0x3000, 0x3130), range(0xFF00, 0xFFF0))
# In the collection, the face with the shapes of mainland China.
SIMPLIFIED_CHINESE = 2
# The largest distance of a quadratic curve from the cubic one it replaces, in units of the font.
TOLERANCE = 2.0
# Its own tables for vertical lines, variations and alternative baselines are of no use here.
DROPPED = ["BASE", "DSIG", "MVAR", "STAT", "VORG", "VVAR", "vhea", "vmtx"]


def main() -> None:
    """Merge the fonts of other scripts into one that the app falls back to."""
    roboto = _folder("kivymd") / "fonts" / "Roboto-Regular.ttf"
    base = TTFont(roboto)
    covered = set(base.getBestCmap())
    with tempfile.TemporaryDirectory() as place:
        parts = [str(roboto)]
        for name in SCRIPTS:
            font = _script(_folder("manimgx_fonts") / f"{name}[wght].ttf", covered)
            parts.append(_save(font, base, Path(place) / f"{name}.ttf"))
        font = _east_asian(_folder("manimgx_fonts_cjk") / "NotoSansCJK-VF.otf.ttc", covered)
        parts.append(_save(font, base, Path(place) / "cjk.ttf"))
        merged = Merger().merge(parts)
    _finish(merged, base)
    merged.save(TARGET)
    sys.stdout.write(f"{TARGET.name}: {TARGET.stat().st_size / 2**20:.1f} MiB, ")
    sys.stdout.write(f"{len(merged.getBestCmap())} characters\n")


def _folder(package: str) -> Path:
    found = find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise SystemExit(f"{package} is not installed: see requirements/fonts.in")
    return Path(next(iter(found.submodule_search_locations)))


def _script(path: Path, covered: set[int]) -> TTFont:
    """One script in its regular weight, with the rules by which its letters join."""
    font = TTFont(path)
    requested = {each for each in font.getBestCmap() if each not in covered}
    if "Emoji" in path.name:
        requested = {each for each in requested if each >= FIRST_EMOJI}
    options = Options(hinting=False, glyph_names=False, name_IDs=[])
    options.drop_tables += DROPPED
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=requested)
    subsetter.subset(font)
    covered |= requested
    return instantiateVariableFont(font, REGULAR)


def _east_asian(path: Path, covered: set[int]) -> TTFont:
    """Han, kana and Hangul in daily use; their cubic outlines become quadratic ones."""
    font = TTCollection(path, lazy=True).fonts[SIMPLIFIED_CHINESE]
    names = font.getBestCmap()
    requested = sorted(each for each in _daily_use() if each in names and each not in covered)
    drawn = font.getGlyphSet(location=REGULAR)
    glyphs, widths = {}, {}
    for name in [".notdef", *dict.fromkeys(names[each] for each in requested)]:
        pen = TTGlyphPen(None)
        drawn[name].draw(Cu2QuPen(pen, TOLERANCE, reverse_direction=True))
        glyphs[name], widths[name] = pen.glyph(), round(drawn[name].width)
    made = FontBuilder(font["head"].unitsPerEm, isTTF=True)
    made.setupGlyphOrder(list(glyphs))
    made.setupCharacterMap({each: names[each] for each in requested})
    made.setupGlyf(glyphs)
    lefts = {name: getattr(glyph, "xMin", 0) for name, glyph in glyphs.items()}
    made.setupHorizontalMetrics({name: (widths[name], lefts[name]) for name in glyphs})
    made.setupHorizontalHeader()
    made.setupOS2()
    made.setupNameTable({"familyName": NAME, "styleName": "Regular"})
    made.setupPost(keepGlyphNames=False)
    return made.font


def _daily_use() -> Iterable[int]:
    for encoding in HAN_AND_HANGUL:
        yield from _decoded(range(0x8140, 0xFEFF), encoding)
    yield from _decoded(BIG5_LEVEL_1, "big5")
    for each in KANA_AND_WIDTHS:
        yield from each


def _decoded(codes: Iterable[int], encoding: str) -> Iterable[int]:
    for code in codes:
        text = code.to_bytes(2, "big").decode(encoding, errors="ignore")
        if len(text) == 1:
            yield ord(text)


def _save(font: TTFont, base: TTFont, path: Path) -> str:
    """In the base's units, for the merger, which reads files."""
    scale_upem(font, base["head"].unitsPerEm)
    font.save(path)
    return str(path)


def _finish(merged: TTFont, base: TTFont) -> None:
    """Lines as high as Roboto's, and the licence where OFL wants it: in the font itself."""
    for field in ("ascent", "descent", "lineGap"):
        setattr(merged["hhea"], field, getattr(base["hhea"], field))
    # Building twice gives the same file.
    merged.recalcTimestamp = False
    merged["head"].created = merged["head"].modified = base["head"].modified
    names = merged["name"]
    names.names = []
    for number, text in {
        0: "Roboto: Copyright Google. Noto: Copyright The Noto Project Authors, Adobe, Google.",
        1: NAME,
        2: "Regular",
        4: NAME,
        6: NAME.replace(" ", ""),
        13: "Roboto under the Apache License 2.0, Noto under the SIL Open Font License 1.1.",
        14: "https://openfontlicense.org",
    }.items():
        names.setName(text, number, 3, 1, 0x409)


if __name__ == "__main__":
    main()
