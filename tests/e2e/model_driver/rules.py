"""Predicts the outcome of each request and its effect, as the contract has it."""

from __future__ import annotations

from tests.e2e.model_driver.admin_rules import AdminRules
from tests.e2e.model_driver.calendar_rules import CalendarRules
from tests.e2e.model_driver.entry_rules import EntryRules
from tests.e2e.model_driver.undo_rules import UndoRules
from tests.e2e.model_driver.week_rules import WeekRules


class Rules(UndoRules, EntryRules, WeekRules, CalendarRules, AdminRules):
    """Applies requests to the state as the services should."""
