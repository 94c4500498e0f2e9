"""What each role may change: limits, their own limits, prices, the ledger."""

from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from billing.models import Account, Budget, LedgerEntry, Price, Team
from tests.money.adminpages import budget_form, clients_of_roles
from tests.money.people import account, spend, user

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore:No directory at:UserWarning"),  # nothing is collected
]


@pytest.fixture
def clients() -> dict[str, Client]:
    return clients_of_roles()


def set_limit(client: Client, of: Account | Team, limit: str, **changed: str) -> Decimal:
    """Sends the page with another limit; what the limit is then."""
    budget = of.budgets.get()
    page = f"admin:billing_{of._meta.model_name}_change"
    form = budget_form(of, budget, **{"budgets-0-limit": limit, **changed})
    client.post(reverse(page, args=[of.pk]), form)
    found: Decimal = Budget.objects.get(pk=budget.pk).limit
    return found


@pytest.mark.parametrize(
    ("who", "may"),
    [
        ("anonymous", False),
        ("end user", False),
        ("operator", True),
        ("admin", True),
        ("superuser", True),
    ],
)
def test_a_limit_is_set_by_operators_and_admins(
    who: str, may: bool, clients: dict[str, Client]
) -> None:
    payer = account()
    payer.budgets.create(period="day", limit=1)
    assert set_limit(clients[who], payer, "5") == (5 if may else 1)
    team = Team.objects.create(name="Readers")
    team.budgets.create(period="day", limit=1)
    assert set_limit(clients[who], team, "5") == (5 if may else 1)


@pytest.mark.parametrize("group", ["Operators", "Admins"])
def test_nobody_raises_their_own_limit_unless_allowed(group: str) -> None:
    person = user(group)
    own = Account.objects.get(user=person)
    own.budgets.all().delete()
    own.budgets.create(period="day", limit=1)
    own.team = Team.objects.create(name="Readers")
    own.save()
    own.team.budgets.create(period="day", limit=1)
    other = Team.objects.create(name="Others")
    client = Client()
    client.force_login(person)
    assert set_limit(client, own, "5") == 1
    assert set_limit(client, own, "1", **{"budgets-0-DELETE": "on"}) == 1
    assert set_limit(client, own, "1", may_set_own_budget="on", team=str(other.pk)) == 1
    assert set_limit(client, own.team, "5") == 1
    own.refresh_from_db()
    assert not own.may_set_own_budget
    assert own.team != other
    assert not own.budgets.get().soft
    Account.objects.filter(pk=own.pk).update(may_set_own_budget=True)
    assert set_limit(client, own, "5") == 5
    assert set_limit(client, own.team, "5") == 5


@pytest.mark.parametrize("who", ["operator", "admin", "superuser"])
def test_only_a_superuser_lets_somebody_set_their_own_limit(
    who: str, clients: dict[str, Client]
) -> None:
    payer = account()
    payer.budgets.create(period="day", limit=1)
    set_limit(clients[who], payer, "1", may_set_own_budget="on", time_zone="Europe/Berlin")
    payer.refresh_from_db()
    assert payer.may_set_own_budget == (who == "superuser")
    assert payer.time_zone == ("UTC" if who == "operator" else "Europe/Berlin")


@pytest.mark.parametrize("who", ["anonymous", "end user", "operator", "admin", "superuser"])
def test_an_entry_is_reversed_by_admins(who: str, clients: dict[str, Client]) -> None:
    entry = spend(account(), "1")
    address = reverse("admin:billing_ledgerentry_reverse", args=[entry.pk])
    clients[who].post(address, {"reason": "Wrong price"})
    reversed_ = LedgerEntry.objects.filter(reverses=entry).exists()
    assert reversed_ == (who in ("admin", "superuser"))


def test_an_admin_does_not_reverse_their_own_spend() -> None:
    person = user("Admins")
    entry = spend(Account.objects.get(user=person), "1")
    client = Client()
    client.force_login(person)
    address = reverse("admin:billing_ledgerentry_reverse", args=[entry.pk])
    assert client.post(address, {"reason": "Mine"}).status_code == 403
    assert not LedgerEntry.objects.filter(reverses=entry).exists()


@pytest.mark.parametrize("who", ["anonymous", "end user", "operator", "admin", "superuser"])
def test_a_price_is_added_by_admins(who: str, clients: dict[str, Client]) -> None:
    now = timezone.now()
    clients[who].post(
        reverse("admin:billing_price_add"),
        {
            "model": "m",
            "min_input_tokens": "0",
            "effective_from_0": f"{now:%Y-%m-%d}",
            "effective_from_1": f"{now:%H:%M:%S}",
            "input": "1",
            "output": "2",
            "tool_calls": "{}",
            "reason": "Agreed",
        },
    )
    added = Price.objects.filter(model="m").first()
    assert (added is not None) == (who in ("admin", "superuser"))
    assert added is None or added.changed_by is not None
