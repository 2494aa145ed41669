"""The home screen: a week, its days, its entries, and what needs attention in earlier weeks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial

from mobile.core.clock import Clock
from mobile.core.database import StoreFull
from mobile.core.drafts import Drafts, SavedDraft
from mobile.core.rules import Scope, State
from mobile.core.session import Workspace
from mobile.core.timesheet import UNDO_SECONDS, Invalid, Locked
from mobile.core.views import EntryView, WeekView
from mobile.core.weeks import Week
from mobile.viewmodels.base import SnackbarMessage, WorkspaceModel
from mobile.viewmodels.notices import WeekNotice, week_notices
from mobile.viewmodels.rows import DraftRow, Row

# A day that the person chose is kept for so long before today is shown again.
KEEP_CHOICE = timedelta(minutes=10)


class WeekModel(WorkspaceModel):
    """The person's week: its days, entries, drafts and state."""

    def __init__(
        self, workspace: Workspace, clock: Clock, notify: Callable[[SnackbarMessage], None]
    ) -> None:
        super().__init__(workspace, clock, notify)
        self._drafts = Drafts(workspace.store)
        self.day = clock.today()
        self._today = self.day
        self._chosen_at: datetime | None = None
        self._deleted: list[tuple[int, datetime]] = []
        self.week = Week.of(self.day)
        workspace.engine.shown_week = self.week
        self.view: WeekView = workspace.timesheet.week(self.week)
        self.notices: list[WeekNotice] = week_notices(workspace, clock.today())
        self.drafts = self._drafts.all()
        self._shown = self._snapshot()

    @property
    def today(self) -> date:
        """The day in the device's own time zone."""
        return self._clock.today()

    @property
    def can_write(self) -> bool:
        """Whether the person may change entries at all."""
        return self._workspace.may(Scope.CREATE_TIMESHEETS)

    @property
    def can_add(self) -> bool:
        """Whether an entry can be added to the chosen day."""
        chosen = self.view.days[self.day.weekday()]
        return self.can_write and chosen.lock is None

    @property
    def can_copy(self) -> bool:
        """Whether last week's entries would be a start."""
        return self.can_write and self.view.lock is None

    @property
    def can_submit(self) -> bool:
        """Whether the week can be submitted."""
        return self.can_write and self.view.can_submit

    @property
    def can_withdraw(self) -> bool:
        """Whether the submission can be taken back."""
        return self.can_write and self.view.state is State.SUBMITTED

    @property
    def met(self) -> bool:
        """Whether the target is met, or the week is over without one: submit is the next step."""
        if self.view.target_minutes:
            return self.view.missing_minutes == 0
        return self.view.total_minutes > 0 and self.today > self.week.days[3]

    @property
    def loading(self) -> bool:
        """Whether to show skeletons: nothing is known yet and the app is reading."""
        empty = not any(day.entries for day in self.view.days)
        return empty and not self.view.known and self._workspace.engine.state.busy

    def rows(self, day: date) -> list[Row]:
        """The entries of a day."""
        return [self._row(entry) for entry in self.view.days[day.weekday()].entries]

    def entry(self, entry_id: str) -> EntryView | None:
        """The entry of the shown week, or None."""
        entries = (each for day in self.view.days for each in day.entries)
        return next((each for each in entries if each.id == entry_id), None)

    def draft_rows(self, day: date) -> list[DraftRow]:
        """The drafts of a day."""
        return [
            DraftRow(draft, self.project_name(draft.project or ""))
            for draft in self.drafts
            if draft.date == day
        ]

    def refresh(self) -> None:
        """Read the week again; watchers are called only if something they show has changed."""
        self.follow_today()
        self.view = self._workspace.timesheet.week(self.week)
        self.notices = week_notices(self._workspace, self.today)
        self.drafts = self._drafts.all()
        snapshot = self._snapshot()
        if snapshot != self._shown:
            self._shown = snapshot
            self.changed()

    def _snapshot(self) -> tuple[object, ...]:
        state = self._workspace.engine.state
        projects = self._workspace.store.projects_version
        shown = (self.view, self.day, self.today, tuple(self.notices), tuple(self.drafts))
        return (*shown, state.busy, state.offline, self.can_write, projects)

    def resume(self) -> None:
        """Show today when the app comes back to the screen, unless another day was just chosen."""
        if not self._chosen_recently:
            self._go_to(self.today)
        self.refresh()

    def follow_today(self) -> None:
        """After midnight show the new day, unless another day was just chosen."""
        today, before = self.today, self._today
        self._today = today
        if today != before and (self.day == before or not self._chosen_recently):
            self._go_to(today)

    @property
    def _chosen_recently(self) -> bool:
        chosen = self._chosen_at
        return chosen is not None and abs(self._clock.now() - chosen) < KEEP_CHOICE

    def _go_to(self, day: date) -> None:
        self.day, self.week = day, Week.of(day)
        self._workspace.engine.shown_week = self.week
        self.view = self._workspace.timesheet.week(self.week)

    def show(self, week: Week) -> None:
        """The same weekday of another week, or today in this week."""
        self._today = self.today
        same_day = week.monday + timedelta(days=self.day.weekday())
        self.week = week
        self.day = self.today if self.today in week else same_day
        self._chosen_at = self._clock.now()
        self._workspace.engine.shown_week = week
        self._workspace.engine.request_week(week)
        self.refresh()

    def shift(self, weeks: int) -> None:
        """Show the week so many weeks later."""
        self.show(self.week.plus(weeks))

    def go_to_today(self) -> None:
        """Show this week."""
        self._chosen_at = None
        self.show(Week.of(self.today))

    def choose(self, day: date) -> None:
        """Choose a day; it stays chosen for a while."""
        self._today = self.today
        self.day = day
        self._chosen_at = self._clock.now()
        self.refresh()

    def show_day(self, day: date) -> None:
        """Go to a day, in whatever week it is."""
        if day not in self.week:
            self.show(Week.of(day))
        self.choose(day)

    def delete(self, entry_id: str) -> None:
        """Delete an entry, and offer to undo that."""
        try:
            seq = self._workspace.timesheet.delete(entry_id)
        except (Locked, Invalid, StoreFull) as error:
            self._explain(error)
            return
        self._workspace.engine.wake()
        now = self._clock.now()
        recent = [each for each in self._deleted if now - each[1] < timedelta(seconds=UNDO_SECONDS)]
        self._deleted = [*recent, (seq, now)]
        deleted = [number for number, _ in self._deleted]
        undo = partial(self._undo_deletion, deleted)
        message = SnackbarMessage("week.deleted", {"count": len(deleted)}, undo, UNDO_SECONDS)
        self._notify(message)
        self.refresh()

    def duplicate(self, entry_id: str, day: date) -> None:
        """Copy an entry to a day."""
        try:
            made = self._workspace.timesheet.repeat(entry_id, day)
        except (Locked, Invalid, StoreFull) as error:
            self._explain(error)
            return
        if made is not None:
            self._added([made], SnackbarMessage("week.duplicated", {"day": day}))

    def repeat_today(self, entry_id: str) -> None:
        """Copy an entry to today."""
        self.duplicate(entry_id, self.today)

    def copy_last_week(self) -> None:
        """Copy the entries of the week before, and offer to undo that."""
        try:
            added = self._workspace.timesheet.copy_week(self.week.plus(-1), self.week)
        except (Locked, StoreFull) as error:
            self._explain(error)
            return
        if not added:
            self._notify(SnackbarMessage("week.nothing_to_copy"))
            return
        self._added(added, SnackbarMessage("week.copied", {"count": len(added)}))

    def submit(self) -> None:
        """Submit the week, and offer to undo that."""
        if self.can_submit:
            self._change_state(self.week, "week.submitted", submit=True)

    def withdraw(self) -> None:
        """Take the submission back, and offer to undo that."""
        if self.can_withdraw:
            self._change_state(self.week, "week.withdrawn", submit=False)

    def drop_draft(self, draft_id: str) -> None:
        """Drop a draft, and offer to undo that."""
        draft = self._drafts.get(draft_id)
        if draft is None:
            return
        self._drafts.drop(draft_id)
        self._notify(SnackbarMessage("week.draft_dropped", undo=partial(self._keep_draft, draft)))
        self.refresh()

    def synchronise(self) -> None:
        """Send and refresh now."""
        self._workspace.engine.wake(pull=True)

    def _change_state(self, week: Week, key: str, *, submit: bool) -> None:
        """Submit or withdraw `week`; Undo concerns this week, whatever is on the screen then."""
        timesheet = self._workspace.timesheet
        act, back = timesheet.submit, timesheet.withdraw
        if not submit:
            act, back = back, act
        try:
            act(week)
        except StoreFull as error:
            self._explain(error)
            return
        undo = partial(self._undo_state, back, week)
        self._notify(SnackbarMessage(key, undo=undo, seconds=UNDO_SECONDS))
        self._workspace.engine.wake()
        self.refresh()

    def _undo_state(self, back: Callable[[Week], None], week: Week) -> None:
        back(week)
        self._workspace.engine.wake()
        self.refresh()

    def _added(self, entry_ids: list[str], message: SnackbarMessage) -> None:
        self._notify(replace(message, undo=partial(self._take_back, entry_ids)))
        self._workspace.engine.wake()
        self.refresh()

    def _take_back(self, entry_ids: list[str]) -> None:
        self._workspace.timesheet.take_back(entry_ids)
        self._workspace.engine.wake()
        self.refresh()

    def _undo_deletion(self, numbers: list[int]) -> None:
        undone = [self._workspace.outbox.cancel(number) for number in numbers]
        self._deleted = []
        if not all(undone):
            self._notify(SnackbarMessage("week.too_late"))
        self.refresh()

    def _keep_draft(self, draft: SavedDraft) -> None:
        self._drafts.put(draft)
        self.refresh()

    def _explain(self, error: Locked | Invalid | StoreFull) -> None:
        if isinstance(error, StoreFull):
            self._notify(SnackbarMessage("sync.full"))
        elif isinstance(error, Locked):
            self._notify(SnackbarMessage(f"lock.{error.lock.reason}"))
        else:
            first = error.violations[0]
            self._notify(SnackbarMessage(f"rule.{first.code}", {"message": first.message}))

    def _row(self, entry: EntryView) -> Row:
        project = self._workspace.store.project(entry.draft.project)
        if project is None:
            return Row(entry, entry.draft.project, "")
        return Row(entry, project.name, project.customer)
