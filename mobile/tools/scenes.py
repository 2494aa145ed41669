"""The scene of each picture, arranged in the running app."""

from __future__ import annotations

from collections.abc import Callable

from kivy.base import EventLoop

from mobile.core.drafts import DRAFTS
from mobile.core.sync_state import SyncState
from mobile.core.weeks import Week
from mobile.tools.sample import add_problem, enter, run_timer
from mobile.ui.approval import ReasonSheet
from mobile.ui.shell import Shell
from mobile.viewmodels.stages import Stage, Tab
from mobile.viewmodels.timer import TIMER

FRAMES = 3

Scene = Callable[[Shell], None]


def week(shell: Shell, back: int = 0, weekday: int | None = None) -> None:
    """A week so many weeks back, with one of its days chosen."""
    model = shell.models.week
    model.show(Week.of(shell.today).plus(-back))
    if weekday is not None:
        model.choose(model.week.days[weekday])
    shell.go(Tab.WEEK)


def empty_week(shell: Shell) -> None:
    """A week without entries."""
    week(shell, back=-1, weekday=0)


def offline_week(shell: Shell) -> None:
    """The week while no server can be reached."""
    _sync(shell, SyncState(offline=True))
    week(shell)


def syncing_week(shell: Shell) -> None:
    """The week while it is synchronised."""
    _sync(shell, SyncState(busy=True))
    week(shell)


def unread_week(shell: Shell) -> None:
    """A week that was never read."""
    _sync(shell, SyncState(busy=True))
    week(shell, back=30)


def troubled_week(shell: Shell) -> None:
    """The week with an entry that the server refused."""
    _failure(shell)
    week(shell, weekday=0)


def submitting(shell: Shell) -> None:
    """The question before a week is submitted."""
    week(shell)
    shell.screen.step.dispatch("on_release")


def deleted(shell: Shell) -> None:
    """The week after an entry was deleted, with undo."""
    week(shell, weekday=0)
    model = shell.models.week
    model.delete(model.rows(model.day)[0].entry.id)


def entry(shell: Shell) -> None:
    """A new entry that is being filled in."""
    week(shell)
    shell.new_entry(shell.today)
    form = _top(shell).form
    form.choose_project("BIG-WEB")
    form.choose_minutes(120)


def entry_search(shell: Shell) -> None:
    """The search for a project."""
    week(shell)
    shell.new_entry(shell.today)
    picker = _top(shell).projects
    picker.toggle()
    picker.search.ids.input.text = "north"


def entry_errors(shell: Shell) -> None:
    """An entry with errors."""
    week(shell)
    shell.new_entry(shell.today)
    sheet = _top(shell)
    sheet.duration.ids.input.text = "soon"
    sheet.save()


def entry_locked(shell: Shell) -> None:
    """An entry of a locked week."""
    week(shell, back=2, weekday=0)
    shell.edit_entry(shell.models.week.rows(shell.models.week.day)[0].entry.id)


def months(shell: Shell) -> None:
    """The list of months."""
    shell.open_months()


def absence(shell: Shell) -> None:
    """A new absence."""
    shell.open_months()
    shell.new_absence()


def draft(shell: Shell) -> None:
    """The week with a draft."""
    week(shell)
    shell.new_entry(shell.today)
    form = _top(shell).form
    form.choose_project("BIG-SHOP")
    form.type_note("Payment page: refunds")
    _top(shell).close()


def actions(shell: Shell) -> None:
    """The menu of an entry."""
    week(shell, weekday=0)
    shell.edit_entry(shell.models.week.rows(shell.models.week.day)[0].entry.id)
    # The button has its place once the sheet has been laid out.
    for _ in range(FRAMES):
        EventLoop.idle()
    [more] = _top(shell).ids.tools.children
    more.dispatch("on_release")


def timer_idle(shell: Shell) -> None:
    """The timer before it is started."""
    if shell.model.workspace is not None:
        shell.model.workspace.store.forget(TIMER)
    enter(shell.model)
    shell.go(Tab.TIMER)


def approvals(shell: Shell) -> None:
    """The list of approvals."""
    shell.go(Tab.APPROVALS)


def approvals_tab(tab: str) -> Scene:
    """A scene of one tab of the approvals."""

    def scene(shell: Shell) -> None:
        shell.go(Tab.APPROVALS)
        shell.screen.choose_tab(tab)

    return scene


def approval(shell: Shell) -> None:
    """One approval with its entries."""
    shell.go(Tab.APPROVALS)
    shell.models.approvals.open(shell.models.approvals.pending[0].approval.id)


def reject(shell: Shell) -> None:
    """The reason of a rejection."""
    approval(shell)
    model = shell.models.approvals
    shell.show(ReasonSheet(model.pending[0], model, shell))


def delegate(shell: Shell) -> None:
    """The choice of a delegate."""
    shell.go(Tab.PROFILE)
    shell.screen.edit_delegate()


def problems(shell: Shell) -> None:
    """The list of problems."""
    _failure(shell)
    shell.open_problems()


def stage(which: Stage) -> Scene:
    """A scene of one stage before the main screens."""
    return lambda shell: enter(shell.model, which)


SCENES: dict[str, Scene] = {
    "week": week,
    "week-empty": empty_week,
    "week-submitted": lambda shell: week(shell, back=1),
    "week-approved": lambda shell: week(shell, back=2),
    "week-rejected": lambda shell: week(shell, back=3),
    "week-offline": offline_week,
    "week-loading": unread_week,
    "week-problem": troubled_week,
    "entry": entry,
    "entry-errors": entry_errors,
    "timer": lambda shell: shell.go(Tab.TIMER),
    "approvals": approvals,
    "approval": approval,
    "reject": reject,
    "profile": lambda shell: shell.go(Tab.PROFILE),
    "problems": problems,
    "sign-in": stage(Stage.SIGN_IN),
    "browser": stage(Stage.BROWSER),
    "no-rights": stage(Stage.NO_RIGHTS),
    "week-syncing": syncing_week,
    "week-submitting": submitting,
    "week-deleted": deleted,
    "entry-search": entry_search,
    "entry-locked": entry_locked,
    "timer-idle": timer_idle,
    "approvals-decided": approvals_tab("decided"),
    "approvals-overdue": approvals_tab("overdue"),
    "delegate": delegate,
    "problems-none": lambda shell: shell.open_problems(),
    "months": months,
    "absence": absence,
    "week-draft": draft,
    "entry-actions": actions,
}
# Every scene is drawn on a phone in light; these others differ enough to be drawn too.
DARK = frozenset({"week-rejected", "entry", "timer", "approval", "profile"})
TABLET = frozenset({"week", "entry", "approval", "months"})
TABLET_DARK = frozenset({"week"})


def is_drawn(name: str, size: str, look: str) -> bool:
    """Whether the documentation has a picture of the scene in this size and look."""
    chosen = {
        ("phone", "light"): SCENES.keys(),
        ("phone", "dark"): DARK,
        ("tablet", "light"): TABLET,
        ("tablet", "dark"): TABLET_DARK,
    }
    return name in chosen[size, look]


def tidy(shell: Shell | None) -> None:
    """As it was before the scene."""
    if shell is None:
        return
    shell.snackbar.close()
    shell.ids.overlays.clear_widgets()
    _sync(shell, SyncState())
    workspace = shell.model.workspace
    if workspace is not None and not _as_usual(shell):
        run_timer(workspace)
        enter(shell.model)
    if workspace is not None:
        workspace.store.forget(DRAFTS)
        for problem in shell.models.problems.problems:
            shell.models.problems.drop(problem.seq)
        deletions = [each for each in workspace.outbox.all() if each.kind == "delete"]
        for change in deletions:
            workspace.outbox.cancel(change.seq)
    shell.models.approvals.open(None)
    shell.close_page()


def _as_usual(shell: Shell) -> bool:
    return shell.model.stage is Stage.MAIN and shell.models.timer.running


def _sync(shell: Shell, state: SyncState) -> None:
    if shell.model.workspace is not None:
        shell.model.workspace.engine.state = state


def _failure(shell: Shell) -> None:
    if shell.model.workspace is not None:
        add_problem(shell.model.workspace)


def _top(shell: Shell):
    return shell.ids.overlays.children[0]
