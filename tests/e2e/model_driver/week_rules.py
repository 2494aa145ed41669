"""Predicts the result of submitting, withdrawing, reopening and deciding a week."""

from __future__ import annotations

from libs.rules.calendar import Week
from tests.e2e.model_driver.delegate_rules import DelegateRules
from tests.e2e.model_driver.state import Approval, Outcome, Sheet, refused, total


class WeekRules(DelegateRules):
    """Weeks from state to state."""

    def submit(self, actor: str, person: str, week: Week, submission: str) -> Outcome:
        if refusal := self.may_act(actor, person):
            return refusal
        sheet = self.state.open_sheet(person, week)
        if sheet.state != "open":
            return refused(409, sheet.state)
        if week.monday > self.state.latest_today:
            return refused(409, "open")
        targets = self.state.targets(person, week)
        flags = self._flags(actor, person, week, total(targets))
        sheet.state, sheet.submission, sheet.reason = "submitted", submission, None
        sheet.targets = targets
        entries = self.state.entries_of(person, week.days)
        self.state.approvals[submission] = Approval(
            person,
            week,
            "pending",
            sum(entry.minutes for entry in entries),
            total(targets),
            flags,
            frozenset(entry.project for entry in entries),
        )
        return Outcome(200)

    def _flags(self, actor: str, person: str, week: Week, target: int | None) -> frozenset[str]:
        state, entries = self.state, self.state.entries_of(person, week.days)
        by_day = {day: state.minutes_on(person, day) for day in week.days}
        worked = {day for day, minutes in by_day.items() if minutes}
        minutes = sum(by_day.values())
        known = state.people[person].approved_projects
        holds = {
            "over_10_hours": max(by_day.values()) > 600,
            "weekend": any(day.weekday() > 4 for day in worked),
            "holiday": any(state.is_holiday(person, day) for day in worked),
            "off_target": target is not None and abs(minutes - target) * 10 > target,
            "new_project": any(entry.project not in known for entry in entries),
            "uploaded": any(entry.external_id for entry in entries),
            "resubmitted": any(
                (each.person, each.week) == (person, week) for each in state.approvals.values()
            ),
            "submitted_for": actor != person,
            "billable_differs": any(
                entry.billable != state.projects[entry.project].billable(entry.day)
                for entry in entries
            ),
            "not_yet_worked": any(day > state.latest_today for day in worked),
        }
        return frozenset(flag for flag, does_hold in holds.items() if does_hold)

    def withdraw(self, person: str, week: Week) -> Outcome:
        if barred := self.barred(person):
            return barred
        sheet = self.state.open_sheet(person, week)
        if sheet.state != "submitted":
            return refused(409, sheet.state)
        self.state.approvals[str(sheet.submission)].state = "withdrawn"
        _open(sheet, None)
        return Outcome(200)

    def reopen(self, actor: str, person: str, week: Week, reason: str) -> Outcome:
        if barred := self.barred(actor):
            return barred
        if not self.manages(actor, person):
            return refused(404)
        sheet = self.state.open_sheet(person, week)
        if sheet.state != "approved":
            return refused(409, sheet.state)
        if self.state.is_closed(week.monday):
            return refused(409, "closed")
        _open(sheet, reason)
        return Outcome(200)

    def decide(self, actor: str, submission: str, decision: str, reason: str | None) -> Outcome:
        if barred := self.barred(actor):
            return barred
        approval = self.state.approvals[submission]
        outcome = "approved" if decision == "approve" else "rejected"
        present = approval.state, approval.decided_by, approval.reason
        if present == (outcome, actor, reason):
            return Outcome(200)
        if approval.person == actor:
            return refused(403, "forbidden")
        authority = self.authority(actor, approval.person)
        if authority is None and approval.decided_by != actor:
            return refused(404)
        if authority is None or approval.state != "pending":
            return refused(409, approval.state)
        if decision == "reject" and self.state.is_closed(approval.week.monday):
            return refused(409, "closed")
        approval.state, approval.decided_by, approval.reason = outcome, actor, reason
        approval.authority = authority
        sheet = self.state.open_sheet(approval.person, approval.week)
        if decision == "approve":
            sheet.state, sheet.late = "approved", self.state.is_closed(approval.week.monday)
            self.state.people[approval.person].approved_projects |= approval.projects
        else:
            _open(sheet, reason)
        return Outcome(200)


def _open(sheet: Sheet, reason: str | None) -> None:
    sheet.state, sheet.submission, sheet.reason = "open", None, reason
    sheet.targets, sheet.late = None, False
