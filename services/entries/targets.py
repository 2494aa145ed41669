"""Targets of days: contract or own target while employed, less holidays and absences.

Pure functions.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType

WORKING_DAYS = 5
NOBODY_OFF: Mapping[date, float] = MappingProxyType({})

Targets = tuple[int | None, ...]
"""Minutes of each day, Monday first; None is a day without a target, which is not one of 0."""


@dataclass(frozen=True, slots=True)
class Contract:
    """Minutes of each weekday, Monday first. Holds from `since` until the next contract.

    `calendar` is a code of holidays, such as `DE-BY`.
    """

    since: date
    minutes: tuple[int, ...]
    calendar: str | None = None


@dataclass(frozen=True, slots=True)
class WorkingTime:
    """A person's contracts, and the own weekly target that counts where no contract holds.

    Neither counts before the day of joining and after that of leaving, where these are known.
    """

    contracts: tuple[Contract, ...] = field(default=())
    own_target: int | None = None
    joined: date | None = None
    left: date | None = None

    def is_employed_on(self, day: date) -> bool:
        """Whether the day is one from joining to leaving, both included."""
        return (self.joined or date.min) <= day <= (self.left or date.max)

    def contract_on(self, day: date) -> Contract | None:
        """The contract that holds on a day, or None."""
        begun = [contract for contract in self.contracts if contract.since <= day]
        return max(begun, key=lambda contract: contract.since, default=None)

    def minutes_on(self, day: date) -> int | None:
        """Before holidays and absences."""
        if not self.is_employed_on(day):
            return None
        contract = self.contract_on(day)
        if contract is not None:
            return contract.minutes[day.weekday()]
        if self.own_target is None:
            return None
        return spread(self.own_target)[day.weekday()]


def spread(weekly: int) -> tuple[int, ...]:
    """A weekly figure over Monday to Friday; the first days take what is left over."""
    each, left = divmod(weekly, WORKING_DAYS)
    working = [each + (day < left) for day in range(WORKING_DAYS)]
    return (*working, 0, 0)


def day_targets(
    working_time: WorkingTime,
    days: Sequence[date],
    holidays: Collection[date] = (),
    absences: Mapping[date, float] = NOBODY_OFF,
) -> Targets:
    """The target of each day. `absences` has the portion of a day that the person is off."""
    return tuple(
        _reduced(working_time.minutes_on(day), day in holidays, absences.get(day, 0))
        for day in days
    )


def total_of(targets: Targets) -> int | None:
    """The target of the days together; None if none of them has one."""
    known = [minutes for minutes in targets if minutes is not None]
    return sum(known) if known else None


def _reduced(minutes: int | None, is_holiday: bool, portion_off: float) -> int | None:
    if minutes is None:
        return None
    return 0 if is_holiday else minutes - round(minutes * portion_off)
