"""Arabic and Hebrew for a renderer that draws letters from left to right, one by one.

`visual_order` follows the Unicode bidirectional algorithm (UAX #9) without its explicit controls,
which people do not type; Arabic letters become the presentation forms that join.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from itertools import groupby

RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")
LAM, TATWEEL = "\u0644", "\u0640"
MIRRORED = str.maketrans("()[]{}<>\u00ab\u00bb", ")(][}{><\u00bb\u00ab")


def _presentation_forms() -> tuple[dict[str, dict[str, str]], dict[str, dict[str, str]]]:
    """The joining forms of each letter, and of lam with each alef, as the Unicode data has them."""
    letters: dict[str, dict[str, str]] = {}
    ligatures: dict[str, dict[str, str]] = {}
    for point in (*range(0xFB50, 0xFC00), *range(0xFE80, 0xFEFD)):
        form, *parts = unicodedata.decomposition(chr(point)).split() or [""]
        base = "".join(chr(int(part, 16)) for part in parts)
        if len(base) == 1:
            letters.setdefault(base, {})[form.strip("<>")] = chr(point)
        elif len(base) == 2 and base[0] == LAM:
            ligatures.setdefault(base, {})[form.strip("<>")] = chr(point)
    return letters, ligatures


LETTERS, LIGATURES = _presentation_forms()


def visual_order(line: str) -> str:
    """The characters of one line in the order in which they stand, from left to right."""
    if not RIGHT_TO_LEFT.search(line):
        return line
    shaped = join_arabic(line)
    return _reorder(shaped, _levels(shaped))


def join_arabic(text: str) -> str:
    """Replace each Arabic letter by its form at its place in the word."""
    letters, found = list(text), []
    index = 0
    while index < len(letters):
        pair = text[index : index + 2]
        forms: Mapping[str, str] = LIGATURES.get(pair) or LETTERS.get(letters[index], {})
        joins_before = "final" in forms and _joins_next(_neighbour(letters, index, -1))
        joins_after = "initial" in forms and _joins_previous(_neighbour(letters, index, 1))
        form = {
            (True, True): "medial",
            (True, False): "final",
            (False, True): "initial",
            (False, False): "isolated",
        }[joins_before, joins_after]
        found.append(forms.get(form, letters[index]))
        index += 2 if pair in LIGATURES else 1
    return "".join(found)


def _neighbour(letters: list[str], index: int, step: int) -> str:
    """The next letter in a direction; marks above and below do not count."""
    index += step
    while 0 <= index < len(letters) and unicodedata.category(letters[index]) == "Mn":
        index += step
    return letters[index] if 0 <= index < len(letters) else ""


def _joins_next(letter: str) -> bool:
    return letter == TATWEEL or "initial" in LETTERS.get(letter, {})


def _joins_previous(letter: str) -> bool:
    return letter == TATWEEL or "final" in LETTERS.get(letter, {})


def _levels(text: str) -> list[int]:
    """The embedding level of each character: even from left to right, odd from right to left."""
    kinds = [unicodedata.bidirectional(each) or "L" for each in text]
    strong = next((kind for kind in kinds if kind in ("L", "R", "AL")), "L")
    base = 0 if strong == "L" else 1
    kinds = _resolve_neutral(_resolve_weak(kinds, base), base)
    raised = {"L": base % 2, "R": 1 - base % 2, "EN": 2 - base % 2, "AN": 2 - base % 2}
    levels = [base + raised[kind] for kind in kinds]
    for index in range(len(text) - 1, -1, -1):
        if not text[index].isspace():
            break
        levels[index] = base
    return levels


def _resolve_weak(kinds: list[str], base: int) -> list[str]:
    """Rules W1 to W7: marks, numbers and what belongs to numbers."""
    kinds = _resolve_marks_and_numbers(kinds, base)
    for index in range(1, len(kinds) - 1):
        before, kind, after = kinds[index - 1 : index + 2]
        separates = kind == "CS" or (kind == "ES" and before == "EN")
        if separates and before == after and before in ("EN", "AN"):
            kinds[index] = before
    for kind, run in groupby(range(len(kinds)), key=lambda index: kinds[index]):
        places = list(run)
        beside = kinds[places[0] - 1 : places[0]] + kinds[places[-1] + 1 : places[-1] + 2]
        if kind == "ET" and "EN" in beside:
            kinds[places[0] : places[-1] + 1] = ["EN"] * len(places)
    strong = "R" if base else "L"
    for index, kind in enumerate(kinds):
        if kind in ("L", "R"):
            strong = kind
        elif kind == "EN" and strong == "L":
            kinds[index] = "L"
    return kinds


def _resolve_marks_and_numbers(kinds: list[str], base: int) -> list[str]:
    """Rules W1 to W3: a mark is as its letter, a number after Arabic is an Arabic one."""
    found: list[str] = []
    strong = "R" if base else "L"
    for kind in kinds:
        if kind == "NSM":
            kind = found[-1] if found else strong
        if kind in ("L", "R", "AL"):
            strong = kind
        found.append("AN" if kind == "EN" and strong == "AL" else kind)
    return ["R" if kind == "AL" else kind for kind in found]


def _resolve_neutral(kinds: list[str], base: int) -> list[str]:
    """Rules N1 and N2: between letters of one direction as they are, elsewhere as the line is."""
    line = "R" if base else "L"
    found: list[str] = []
    for is_strong, run in groupby(range(len(kinds)), lambda i: kinds[i] in ("L", "R", "EN", "AN")):
        places = list(run)
        if is_strong:
            found += [kinds[index] for index in places]
            continue
        before = _side(kinds[places[0] - 1]) if places[0] else line
        after = _side(kinds[places[-1] + 1]) if places[-1] + 1 < len(kinds) else line
        found += [before if before == after else line] * len(places)
    return found


def _side(kind: str) -> str:
    return "L" if kind == "L" else "R"


def _reorder(text: str, levels: list[int]) -> str:
    """Rules L2 to L4: reverse runs from the highest level down, mirror brackets, keep marks."""
    cells = [
        (each.translate(MIRRORED) if level % 2 else each, level)
        for each, level in zip(text, levels, strict=True)
    ]
    for level in range(max(levels), 0, -1):
        turned: list[tuple[str, int]] = []
        higher: list[tuple[str, int]] = []
        for cell in cells:
            if cell[1] >= level:
                higher.append(cell)
                continue
            turned += [*_reversed(higher), cell]
            higher = []
        cells = turned + _reversed(higher)
    return "".join(each for each, _ in cells)


def _reversed(cells: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Backwards, with each mark after its letter still."""
    found: list[tuple[str, int]] = []
    marks: list[tuple[str, int]] = []
    for cell in reversed(cells):
        if unicodedata.category(cell[0]) == "Mn":
            marks.insert(0, cell)
        else:
            found += [cell, *marks]
            marks = []
    return found + marks
