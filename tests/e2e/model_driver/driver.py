"""Random requests of a company, each compared with what the rules say."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from tests.e2e.model_driver.admin_steps import AdminSteps
from tests.e2e.model_driver.delegate_steps import DelegateSteps
from tests.e2e.model_driver.entry_steps import EntrySteps
from tests.e2e.model_driver.upload_steps import UploadSteps
from tests.e2e.model_driver.week_steps import WeekSteps

Step = Callable[[], Awaitable[None]]


class Driver(EntrySteps, UploadSteps, WeekSteps, DelegateSteps, AdminSteps):
    """All steps, each as often as its weight says."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.steps: Mapping[Step, int] = {
            self.post: 12, self.put: 14, self.patch: 12, self.delete: 6,
            self.submit: 10, self.withdraw: 3, self.decide: 9, self.reopen: 3,
            self.put_absence: 6, self.delete_absence: 2, self.upload: 8,
            self.undo: 2, self.delete_uploaded: 1, self.delegate: 3,
            self.patch_project: 2, self.close: 1, self.contract: 2, self.person: 2,
            self.activate: 1, self.company_day: 1, self.next_day: 3,
        }  # fmt: skip

    async def step(self) -> None:
        self.number += 1
        [chosen] = self.random.choices(list(self.steps), list(self.steps.values()))
        await chosen()
