"""Which refusals count: those of `contention` and `connections`."""

from __future__ import annotations

from bench.connections import WORTH_WAITING, early_503s
from bench.contention import named, refused
from bench.driver import Outcome
from libs.postgres.errors import DatabaseBusy, unavailable_for
from libs.postgres.queue import OVERLOADED_WAIT


class LockTimeout(Exception):
    sqlstate = "55P03"


def test_a_refusal_that_names_the_upload_is_counted_apart() -> None:
    busy = unavailable_for(LockTimeout())
    assert isinstance(busy, DatabaseBusy)
    outcome = Outcome()
    outcome.add(201, b"", 5.0)
    outcome.add(503, f'{{"detail": "{busy.detail}"}}'.encode(), 1000.0)
    outcome.add(503, b'{"detail": "Too many requests wait for the database."}', 250.0)
    outcome.add(409, b'{"detail": "The week is locked."}', 5.0)
    assert (named(outcome), refused(outcome)) == (1, 2)


def test_only_those_refused_before_they_had_waited_are_early() -> None:
    outcome = Outcome()
    for milliseconds in (3.0, WORTH_WAITING - 1, WORTH_WAITING + 1, OVERLOADED_WAIT * 1000):
        outcome.add(503, b"", milliseconds)
    assert early_503s(outcome) == 2
