"""The weeks of others: who waits, what deserves a look, and the decision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from mobile.core.clock import Clock
from mobile.core.network import RequestRejected, SignedOut, Unreachable
from mobile.core.outbox import Change, ChangeKind
from mobile.core.rules import MAX_REASON_LENGTH, ApprovalState
from mobile.core.sending import PROFILE
from mobile.core.session import Workspace
from mobile.core.sync import OVERDUE
from mobile.core.timesheet import UNDO_SECONDS
from mobile.core.wire import Approval, Delegate, OverdueWeek, Profile, read
from mobile.viewmodels.base import SnackbarMessage, Tasks, ViewModel

REASONS = "reasons"
SUGGESTIONS = 3
DECIDED = (ApprovalState.APPROVED, ApprovalState.REJECTED)


@dataclass(frozen=True, slots=True)
class Item:
    """`waiting`: decided here, and the server has yet to hear it."""

    approval: Approval
    waiting: bool = False
    failed: bool = False

    @property
    def name(self) -> str:
        return self.approval.person_name or self.approval.person

    @property
    def clean(self) -> bool:
        return not self.approval.flags


class ApprovalsModel(ViewModel):
    def __init__(
        self,
        workspace: Workspace,
        clock: Clock,
        tasks: Tasks,
        notify: Callable[[SnackbarMessage], None],
    ) -> None:
        super().__init__()
        self._workspace = workspace
        self._clock = clock
        self._tasks = tasks
        self._notify = notify
        self.selected: frozenset[str] = frozenset()
        self.opened: str | None = None
        self.loading_detail = False
        self.pending: list[Item] = []
        self.decided: list[Item] = []
        self._load()

    @property
    def clean(self) -> list[Item]:
        return [item for item in self.pending if item.clean]

    @property
    def overdue(self) -> list[OverdueWeek]:
        return [read(OverdueWeek, body) for body in self._workspace.store.get(OVERDUE) or ()]

    def stands_in_for(self, approval: Approval) -> Delegate | None:
        """Whose place the person takes in deciding it, and between which days."""
        profile = read(Profile, self._workspace.store.get(PROFILE) or {})
        return next(
            (each for each in profile.delegated_by if each.person == approval.acting_for), None
        )

    @property
    def detail(self) -> Item | None:
        return next(
            (each for each in (*self.pending, *self.decided) if each.approval.id == self.opened),
            None,
        )

    @property
    def loading(self) -> bool:
        return not self.pending and not self.decided and self._workspace.engine.state.busy

    def project_name(self, code: str) -> str:
        project = self._workspace.store.project(code)
        return project.name if project is not None else code

    def refresh(self) -> None:
        self._load()
        self.changed()

    def open(self, approval_id: str | None) -> None:
        self.opened = approval_id
        found = self._workspace.store.approval(approval_id) if approval_id else None
        if approval_id is not None and (found is None or not found[1]):
            self.loading_detail = True
            self._tasks.spawn(self._read(approval_id))
        self.changed()

    def select(self, approval_id: str) -> None:
        self.selected ^= {approval_id}
        self.changed()

    def approve(self, *approval_ids: str) -> None:
        self._decide(approval_ids, {"decision": "approve"})

    def approve_selected(self) -> None:
        self.approve(
            *(item.approval.id for item in self.pending if item.approval.id in self.selected)
        )

    def approve_clean(self) -> None:
        self.approve(*(item.approval.id for item in self.clean))

    def reject(self, approval_id: str, reason: str) -> bool:
        """False without a reason: the person must be told why."""
        reason = reason.strip()[:MAX_REASON_LENGTH]
        if not reason:
            return False
        earlier = [each for each in self.reasons() if each != reason]
        self._workspace.store.set(REASONS, [reason, *earlier][:10])
        self._decide([approval_id], {"decision": "reject", "reason": reason})
        return True

    def reasons(self) -> list[str]:
        """Earlier ones, the latest first."""
        return list(self._workspace.store.get(REASONS) or ())

    def _decide(self, approval_ids: list[str] | tuple[str, ...], body: dict[str, str]) -> None:
        """Sent only once it can no longer be undone."""
        if not approval_ids:
            return
        now = self._clock.now()
        hold_until = now.timestamp() + UNDO_SECONDS
        made = [
            self._workspace.outbox.add(ChangeKind.DECIDE, each, body, now, hold_until=hold_until)
            for each in approval_ids
        ]
        self.selected -= set(approval_ids)
        self._workspace.engine.wake()
        self._notify(
            SnackbarMessage(
                f"approvals.{body['decision']}d"
                if body["decision"] == "approve"
                else "approvals.rejected",
                {"count": len(made)},
                undo=lambda: self._undo(made),
                seconds=UNDO_SECONDS,
            )
        )
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
            return  # and the store is closed
        except (Unreachable, RequestRejected):
            pass  # what the list knows of it is shown, and the offline bar says why
        self.loading_detail = False
        self.refresh()

    def _load(self) -> None:
        """What the server told, with what was decided here since laid over it."""
        decisions = {
            change.target: change
            for change in self._workspace.outbox.all()
            if change.kind is ChangeKind.DECIDE
        }
        store = self._workspace.store
        pending = [_item(each, decisions) for each in store.approvals(ApprovalState.PENDING)]
        decided = [_item(each, decisions) for each in store.approvals(*DECIDED)]
        self.pending = [item for item in pending if not item.waiting]
        newest_first = [*(item for item in pending if item.waiting), *reversed(decided)]
        self.decided = newest_first
        known = {item.approval.id for item in self.pending}
        self.selected &= known


def _item(approval: Approval, decisions: dict[str, Change]) -> Item:
    change = decisions.get(approval.id)
    if change is None:
        return Item(approval)
    if change.failure is not None:
        return Item(approval, failed=True)
    approved = change.body["decision"] == "approve"
    state = ApprovalState.APPROVED if approved else ApprovalState.REJECTED
    return Item(replace(approval, state=state, reason=change.body.get("reason")), waiting=True)
