"""How a model says that what was asked breaks its rules."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that a field breaks; `code` is stable, `message` is for people."""

    field: str
    code: str
    message: str


class RuleBroken(Exception):
    """What was asked breaks rules of its own fields."""

    def __init__(self, *violations: Violation) -> None:
        super().__init__("; ".join(violation.message for violation in violations))
        self.violations = violations
