"""Every screen, in every language and size of text: can it be hit, and can it be read?"""

from __future__ import annotations

import pytest

from tests.mobile.offscreen import NARROW, PHONE, SMALL, TABLET, run_offscreen, what_is_missing

TIMEOUT = 1500
WAYS = 10


@pytest.mark.endurance
@pytest.mark.timeout(TIMEOUT + 60)
@pytest.mark.parametrize("size", [NARROW, SMALL, PHONE, TABLET], ids=lambda size: str(size[0]))
def test_every_screen_can_be_hit_and_read(
    tmp_path_factory: pytest.TempPathFactory, size: tuple[int, int]
) -> None:
    if missing := what_is_missing():
        pytest.skip(missing)
    home = tmp_path_factory.mktemp("kivy")
    found, _log = run_offscreen(
        "tests.mobile.legibility", home, size=size, timeout=TIMEOUT, redrawn=WAYS
    )

    assert len(found) == WAYS
    assert {way: faults for way, faults in found.items() if faults} == {}
