"""BUDGET_DEFAULTS and BUDGET_WARN_AT: read as written, or named when they can't be used."""

from decimal import Decimal
from pathlib import Path

import pytest
from pytest_django import Settings

from billing.models import Account
from chatsite.environment import Environment
from tests.money.engines import *  # noqa: F403
from tests.money.people import user
from tests.unit.test_settings import check

PERIODS = ("hour", "day", "month", "total")
BAD_DEFAULTS = [
    "day",
    "day=",
    "=1",
    "1.00",
    "day=-1",
    "day=NaN",
    "day=Infinity",
    "day=$1",
    "day=1;month=2",
    "day=1,day=2",
    "week=1",
    "Day=1",
    "day=1 USD",
    "day=1000000.01",
    "day=1e30",
    "day=0.12345678901",  # no limit has more than 10 places
]


@pytest.mark.parametrize("value", BAD_DEFAULTS)
def test_malformed_default_budgets_are_a_problem_with_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("BUDGET_DEFAULTS", value)
    environment = Environment(tmp_path / ".env")
    assert environment.amounts("BUDGET_DEFAULTS", "day=1.00", PERIODS) == {}
    [problem] = environment.problems
    assert (problem.name, problem.value) == ("BUDGET_DEFAULTS", value)
    assert "hour, day, month, total" in problem.expected


def test_malformed_default_budgets_stop_the_start() -> None:
    said = check(BUDGET_DEFAULTS="day=1,week=2")
    assert "chatsite.E001" in said
    assert "BUDGET_DEFAULTS is 'day=1,week=2'" in said
    assert "HINT" in said
    for share in ("0", "1.5", "-1", "nan", "80%"):
        assert "BUDGET_WARN_AT" in check(BUDGET_WARN_AT=share), share
    assert check(BUDGET_DEFAULTS="", BUDGET_WARN_AT="") == ""


@pytest.mark.parametrize(
    ("value", "amounts"),
    [
        ("", {}),
        ("  ", {}),
        ("total=0", {"total": Decimal(0)}),
        (" hour = 0.10 , total=5,", {"hour": Decimal("0.1"), "total": Decimal(5)}),
    ],
)
def test_default_budgets_are_read_as_written(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    value: str,
    amounts: dict[str, Decimal],
) -> None:
    monkeypatch.setenv("BUDGET_DEFAULTS", value)
    environment = Environment(tmp_path / ".env")
    assert environment.amounts("BUDGET_DEFAULTS", "day=1.00,month=20.00", PERIODS) == amounts
    assert environment.problems == []


def test_new_accounts_get_the_defaults_of_their_time(engine: str, settings: Settings) -> None:
    settings.BUDGET_DEFAULTS = {"day": Decimal("0.50"), "total": Decimal(5)}
    early = Account.objects.get(user=user())
    settings.BUDGET_DEFAULTS = {}
    late = Account.objects.get(user=user())
    early.save()
    limits = set(early.budgets.values_list("period", "limit"))
    assert limits == {("day", Decimal("0.5")), ("total", Decimal(5))}
    assert not late.budgets.exists()
