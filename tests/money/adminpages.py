"""What tests of the admin read off its pages."""

import re

from django.test import Client

from billing.models import Account, Budget, Team
from billing.models.columns import MOST_USD
from tests.money.people import superuser, user

LEDGER = "admin:billing_ledgerentry_changelist"
BAD_AMOUNTS = [
    "-1",
    "-0.0000000001",
    str(MOST_USD + 1),
    "1e30",
    "NaN",
    "Infinity",
    "-inf",
    "$5",
    "5 USD",
    "0.00000000001",
    "1,5,0",
    "",
]


def page(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, (address, answer.status_code)
    return answer.content.decode()


def text(html: str) -> str:
    """What a page says, without its markup."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def links_of(html: str) -> dict[str, str]:
    """Label of a figure → the address its value links to."""
    tiles = re.findall(r'<dt>(.*?)</dt>\s*<dd>\s*<a class="tile-value" href="(.*?)"', html)
    return {label: href.replace("&amp;", "&") for label, href in tiles}


def listed(client: Client, address: str) -> set[int]:
    """Ids of the entries that a list of the ledger shows."""
    return {int(id) for id in re.findall(r"/ledgerentry/(\d+)/change/", page(client, address))}


def clients_of_roles() -> dict[str, Client]:
    """Who one may be → a browser of theirs."""
    people = {
        "end user": user(),
        "operator": user("Operators"),
        "admin": user("Admins"),
        "superuser": superuser(),
    }
    clients = {"anonymous": Client(raise_request_exception=True)}
    for name, person in people.items():
        clients[name] = Client()
        clients[name].force_login(person)
    return clients


def budget_form(of: Account | Team, *budgets: Budget, **changed: str) -> dict[str, str]:
    """The form of an account or team as the page sends it."""
    form = {
        "budgets-TOTAL_FORMS": str(len(budgets)),
        "budgets-INITIAL_FORMS": str(len(budgets)),
        "budgets-MIN_NUM_FORMS": "0",
        "budgets-MAX_NUM_FORMS": "4",
        "time_zone": of.time_zone,
        "name": getattr(of, "name", ""),
    }
    owner = "account" if isinstance(of, Account) else "team"
    for n, budget in enumerate(budgets):
        form |= {
            f"budgets-{n}-id": str(budget.pk),
            f"budgets-{n}-{owner}": str(of.pk),
            f"budgets-{n}-period": budget.period,
            f"budgets-{n}-limit": str(budget.limit),
        }
    return form | changed
