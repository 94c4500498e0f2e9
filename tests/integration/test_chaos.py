"""Hundreds of faults while people chat. `python -m tests.chaos` breaks more."""

import pytest
from pytest_django.plugin import DjangoDbBlocker

from tests.chaos.report import lines
from tests.chaos.run import run

MOSTLY_CUTS = 0.08
"""Processes that come back take their time; thousands of them are for the command line."""


@pytest.mark.parametrize(("setup", "faults"), [("single", 80), ("cluster", 125)])
async def test_nothing_seen_is_lost_whatever_dies(
    setup: str, faults: int, django_db_blocker: DjangoDbBlocker
) -> None:
    with django_db_blocker.unblock():
        result = await run(setup, faults, seed=2026, heavy_share=MOSTLY_CUTS)
    assert result.violations == 0, "\n".join(lines(result))
    assert result.faults.total() == faults
    assert result.endings["completed"] > 10, "\n".join(lines(result))
