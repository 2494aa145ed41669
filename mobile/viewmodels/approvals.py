"""Other people's weeks: the waiting ones, their flags, and the decision."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from functools import partial

from mobile.core.changes import ChangeKind
from mobile.core.clock import Clock
from mobile.core.network import RequestRejected, SignedOut, StepUpRequired, Unreachable
from mobile.core.pulling import OVERDUE
from mobile.core.rules import MAX_REASON_LENGTH, ApprovalState
from mobile.core.sending import PROFILE
from mobile.core.session import Workspace
from mobile.core.timesheet import UNDO_SECONDS
from mobile.core.weeks import Week
from mobile.core.wire import (
    Approval,
    ApprovalEntry,
    Delegate,
    OverdueWeek,
    Profile,
    UnexpectedResponse,
    read,
)
from mobile.viewmodels.approval_items import Grouping, Item, Section, item_of
from mobile.viewmodels.base import SnackbarMessage, Tasks, WorkspaceModel

REASONS, TYPED_REASONS = "reasons", "typed_reasons"
SUGGESTIONS = 3
DECIDED = (ApprovalState.APPROVED, ApprovalState.REJECTED)


class ApprovalsModel(WorkspaceModel):
    """The screen of approvals: search, groups, selection, decisions with undo."""

    def __init__(
        self,
        workspace: Workspace,
        clock: Clock,
        tasks: Tasks,
        notify: Callable[[SnackbarMessage], None],
    ) -> None:
        super().__init__(workspace, clock, notify)
        self._tasks = tasks
        self.selected: frozenset[str] = frozenset()
        self.opened: str | None = None
        self.loading_detail = False
        self.query = ""
        self.grouping = Grouping.NONE
        self.pending: list[Item] = []
        self.decided: list[Item] = []
        self.overdue: list[OverdueWeek] = []
        self._load()
        self._shown = self._snapshot()

    @property
    def now(self) -> datetime:
        """The present moment."""
        return self._clock.now()

    @property
    def clean(self) -> list[Item]:
        """Pending approvals without flags."""
        return [item for item in self.pending if item.clean]

    @property
    def can_reopen(self) -> bool:
        """Whether the detail shows an approved week that the person may reopen."""
        item = self.detail
        if item is None or item.waiting or item.approval.state is not ApprovalState.APPROVED:
            return False
        closed = self._workspace.timesheet.rules.closed_through
        monday = Week.parse(item.approval.week).monday
        return closed is None or closed < monday

    def stands_in_for(self, approval: Approval) -> Delegate | None:
        """The delegation by which the person decides, if any."""
        profile = read(Profile, self._workspace.store.get(PROFILE) or {})
        return next(
            (each for each in profile.delegated_by if each.person == approval.acting_for), None
        )

    @property
    def detail(self) -> Item | None:
        """The approval that is open; None for none."""
        return next(
            (each for each in (*self.pending, *self.decided) if each.approval.id == self.opened),
            None,
        )

    @property
    def loading(self) -> bool:
        """Whether the first list is still on its way."""
        return not self.pending and not self.decided and self._workspace.engine.state.busy

    def sections(self, items: list[Item]) -> list[Section]:
        """The items that match the search, grouped as the person chose."""
        found = [item for item in items if self._matches(item)]
        if self.grouping is Grouping.NONE:
            return [Section("", tuple(found))] if found else []
        groups: dict[str, list[Item]] = {}
        for item in found:
            by_week = self.grouping is Grouping.WEEK
            groups.setdefault(item.approval.week if by_week else item.name, []).append(item)
        return [Section(title, tuple(groups[title])) for title in sorted(groups)]

    def days_waiting(self, approval: Approval) -> int:
        """Whole days since the submission."""
        if approval.submitted_at is None:
            return 0
        return max(0, (self._clock.now() - approval.submitted_at).days)

    def entries_by_day(self, approval: Approval) -> list[tuple[date, list[ApprovalEntry]]]:
        """The entries of the week by day, in the order of days."""
        days: dict[date, list[ApprovalEntry]] = {}
        for entry in sorted(approval.entries, key=lambda entry: entry.date):
            days.setdefault(entry.date, []).append(entry)
        return list(days.items())

    def search(self, query: str) -> None:
        """Show only people, projects and notes that contain the text."""
        self.query = query
        self.changed()

    def group(self, grouping: Grouping) -> None:
        """Choose the groups."""
        self.grouping = grouping
        self.changed()

    def refresh(self) -> None:
        """Read the lists again; watchers are called only if something has changed."""
        self._load()
        snapshot = self._snapshot()
        if snapshot != self._shown:
            self._shown = snapshot
            self.changed()

    def _snapshot(self) -> tuple[object, ...]:
        loading = self.loading or self.loading_detail
        projects = self._workspace.store.projects_version
        lists = (tuple(self.pending), tuple(self.decided), tuple(self.overdue))
        return (*lists, loading, self.selected, self.opened, projects)

    def open(self, approval_id: str | None) -> None:
        """Open an approval and fetch its entries; None closes it."""
        self.opened = approval_id
        found = self._workspace.store.approval(approval_id) if approval_id else None
        if approval_id is not None and (found is None or not found[1]):
            self.loading_detail = True
            self._tasks.spawn(self._read(approval_id))
        self._shown = self._snapshot()
        self.changed()

    def show_decided(self) -> None:
        """Read decisions that others may have changed meanwhile."""
        self._workspace.engine.request_decided()

    def select(self, approval_id: str) -> None:
        """Select an approval, or take it out of the selection."""
        self.selected ^= {approval_id}
        self.changed()

    def select_all(self) -> None:
        """Select what the list shows, or nothing if all of it is selected."""
        shown = {item.approval.id for item in self.pending if self._matches(item)}
        self.selected = frozenset() if self.selected == shown else frozenset(shown)
        self.changed()

    def approve(self, *approval_ids: str) -> None:
        """Approve these, and offer to undo that."""
        self._decide(approval_ids, {"decision": "approve"}, "approvals.approved")

    def approve_selected(self) -> None:
        """Approve those that are selected."""
        self.approve(
            *(item.approval.id for item in self.pending if item.approval.id in self.selected)
        )

    def approve_clean(self) -> None:
        """Approve all without flags."""
        self.approve(*(item.approval.id for item in self.clean))

    def reject(self, approval_id: str, reason: str) -> bool:
        """False without a reason."""
        reason = self._remember(reason)
        if not reason:
            return False
        body = {"decision": "reject", "reason": reason}
        self._decide((approval_id,), body, "approvals.rejected")
        self.keep_reason(approval_id, "")
        return True

    def reopen(self, approval_id: str, reason: str) -> bool:
        """Reopen an approved week. False without a reason."""
        item = next((each for each in self.decided if each.approval.id == approval_id), None)
        reason = self._remember(reason)
        if item is None or not reason:
            return False
        person, week = item.approval.person, item.approval.week
        seq = self._workspace.outbox.add(
            ChangeKind.REOPEN,
            f"{person} {week}",
            {"person": person, "reason": reason},
            self._clock.now(),
            weeks=[week],
            hold_until=self._clock.now().timestamp() + UNDO_SECONDS,
        )
        self._workspace.engine.wake()
        undo = partial(self._undo, [seq])
        self._notify(SnackbarMessage("approvals.reopened", undo=undo, seconds=UNDO_SECONDS))
        self.refresh()
        return True

    def reasons(self) -> list[str]:
        """Earlier reasons, the latest first."""
        return list(self._workspace.store.get(REASONS) or ())

    def typed_reason(self, approval_id: str) -> str:
        """A reason that was begun and not sent."""
        return str((self._workspace.store.get(TYPED_REASONS) or {}).get(approval_id, ""))

    def keep_reason(self, approval_id: str, text: str) -> None:
        """Keep a reason that is being typed, so that nothing can discard it."""
        kept = self._workspace.store.get(TYPED_REASONS) or {}
        kept.pop(approval_id, None)
        if text.strip():
            kept[approval_id] = text
        self._workspace.store.set(TYPED_REASONS, kept)

    def _remember(self, reason: str) -> str:
        reason = reason.strip()[:MAX_REASON_LENGTH]
        if reason:
            earlier = [each for each in self.reasons() if each != reason]
            self._workspace.store.set(REASONS, [reason, *earlier][:10])
        return reason

    def _decide(self, approval_ids: tuple[str, ...], body: dict[str, str], key: str) -> None:
        """Sent once it can no longer be undone; all of them are stored, or none is."""
        if not approval_ids:
            return
        now = self._clock.now()
        hold_until = now.timestamp() + UNDO_SECONDS
        outbox = self._workspace.outbox
        with self._workspace.database.transaction():
            made = [
                outbox.add(ChangeKind.DECIDE, each, body, now, hold_until=hold_until)
                for each in approval_ids
            ]
        self.selected -= set(approval_ids)
        self._workspace.engine.wake()
        undo = partial(self._undo, made)
        self._notify(SnackbarMessage(key, {"count": len(made)}, undo, UNDO_SECONDS))
        self.refresh()

    def _undo(self, made: list[int]) -> None:
        undone = [self._workspace.outbox.cancel(seq) for seq in made]
        if not all(undone):
            self._notify(SnackbarMessage("week.too_late"))
        self.refresh()

    async def _read(self, approval_id: str) -> None:
        try:
            await self._workspace.engine.read_approval(approval_id)
        except SignedOut:
            return  # the store is closed
        except (Unreachable, RequestRejected, StepUpRequired, UnexpectedResponse):
            pass  # the list's data is shown, and the offline bar says why
        self.loading_detail = False
        self.refresh()

    def _matches(self, item: Item) -> bool:
        """Names, weeks and projects."""
        approval = item.approval
        projects = " ".join(self.project_name(code) for code in approval.by_project)
        text = f"{item.name} {approval.week} {projects}".casefold()
        return all(term in text for term in self.query.casefold().split())

    def _load(self) -> None:
        """The server's lists with the decisions made here laid over them."""
        changes = self._workspace.outbox.of_kinds((ChangeKind.DECIDE, ChangeKind.REOPEN))
        decisions = {change.target: change for change in changes}
        store = self._workspace.store
        pending = [item_of(each, decisions) for each in store.approvals(ApprovalState.PENDING)]
        decided = [item_of(each, decisions) for each in store.approvals(*DECIDED)]
        self.pending = [item for item in pending if not item.waiting]
        self.decided = [*(item for item in pending if item.waiting), *reversed(decided)]
        self.overdue = [read(OverdueWeek, body) for body in store.get(OVERDUE) or ()]
        self.selected &= {item.approval.id for item in self.pending}
