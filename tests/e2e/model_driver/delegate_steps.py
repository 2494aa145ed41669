"""Managers appoint delegates and take it back."""

from __future__ import annotations

from tests.e2e.half_year.company import sub
from tests.e2e.model_driver.delegate_rules import MANAGERS
from tests.e2e.model_driver.scene import WORKERS, Scene
from tests.e2e.model_driver.state import DAY, Delegation

PATH = "/v1/profile/delegate"


class DelegateSteps(Scene):
    """Steps of managers who are away."""

    async def delegate(self) -> None:
        manager = self.choice(MANAGERS)
        if self.chance(0.2):
            expected, body = self.rules.remove_delegate(manager), None
        else:
            delegation = self._delegation(manager)
            expected = self.rules.appoint(manager, delegation)
            body = {
                "person": sub(delegation.person),
                "from": str(delegation.since),
                "to": str(delegation.until),
            }
        await self.call(expected, manager, "PUT" if body else "DELETE", "profile", PATH, body)
        await self.company.catch_up()

    def _delegation(self, manager: str) -> Delegation:
        """Mostly the other manager, for some days around today."""
        present = self.state.people[manager].delegation
        if present is not None and self.chance(0.2):
            return present
        [other] = [name for name in MANAGERS if name != manager]
        others = [other] * 6
        delegate = self.choice([*others, manager, self.choice(WORKERS), "ada"])
        since = self.state.today + DAY * self.random.randint(-20, 5)
        return Delegation(
            delegate, since, since + DAY * self.random.choice([-1, 0, 5, 13, 30, 60, 365, 366])
        )
