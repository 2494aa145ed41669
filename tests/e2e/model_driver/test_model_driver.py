"""Random requests over months: every response and every report is what the rules say."""

from __future__ import annotations

import os
import random
import time

import pytest

from tests.e2e.half_year.company import Company
from tests.e2e.model_driver.comparison import Comparison
from tests.e2e.model_driver.driver import Driver

EVERY = 100


@pytest.mark.timeout(600)
async def test_the_services_agree_with_the_model(company: Company) -> None:
    await compare(company, seed=1, steps=1_000)


@pytest.mark.endurance
@pytest.mark.timeout(7200)
async def test_the_services_agree_with_the_model_for_long(company: Company) -> None:
    """MODEL_SEED repeats a run, MODEL_STEPS shortens it."""
    seed = int(os.environ.get("MODEL_SEED", random.SystemRandom().randrange(10**6)))
    await compare(company, seed, int(os.environ.get("MODEL_STEPS", "20000")))


async def compare(company: Company, seed: int, steps: int) -> None:
    """Take the steps, and compare everything after each hundredth."""
    print(f"\nMODEL_SEED={seed}")
    driver = Driver(company, random.Random(seed))
    await driver.begin()
    comparison = Comparison(driver)
    started = time.monotonic()
    while driver.number < steps:
        await driver.step()
        if driver.number % EVERY == 0:
            await comparison.check()
    seconds = time.monotonic() - started
    print(f"{steps} steps to {driver.state.today} in {seconds:.1f} s: {driver.outcomes}")
