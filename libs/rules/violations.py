"""Violations of the rules of a model."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that a field breaks; `code` is stable, `message` is for people."""

    field: str
    code: str
    message: str


class RuleBroken(Exception):
    """The values of a request break the rules of their fields."""

    def __init__(self, *violations: Violation) -> None:
        super().__init__("; ".join(violation.message for violation in violations))
        self.violations = violations
