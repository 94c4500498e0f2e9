"""Who gets to which page of the admin, and what each role may do there.

The walk goes over every URL that the admin has: a page that is added without a line in the
table below fails it.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.test import Client, RequestFactory
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse

from billing.models import Price, Reservation, Team
from billing.roles import OUR_APPS
from conversations.models import Circuit, ModerationPolicy
from tests.moderation.flags import flag_of
from tests.money.adminpages import clients_of_roles
from tests.money.people import account, spend, superuser, user

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore:No directory at:UserWarning"),  # nothing is collected
]

STAFF = {"operator", "admin", "superuser"}
ROOT = {"superuser"}
NOBODY: set[str] = set()
MAY_OPEN = {
    "index": STAFF,
    "login": STAFF,  # sends who is in to the index; others to the site's own form
    "logout": STAFF,
    "password_change": STAFF,
    "password_change_done": STAFF,
    "autocomplete": NOBODY,  # no list of ours offers one
    "jsi18n": STAFF,
    "view_on_site": NOBODY,  # no model has a page of its own
    "app_list auth": ROOT,
    "app_list account": ROOT,
    "app_list mfa": ROOT,
    "app_list billing": STAFF,
    "billing_spend": STAFF,
    "billing_spend_csv": STAFF,
    "billing_account_changelist": STAFF,
    "billing_account_add": NOBODY,
    "billing_account_change": STAFF,
    "billing_account_history": STAFF,
    "billing_account_delete": NOBODY,
    "billing_team_changelist": STAFF,
    "billing_team_add": {"admin", "superuser"},
    "billing_team_change": STAFF,
    "billing_team_history": STAFF,
    "billing_team_delete": {"admin", "superuser"},
    "billing_ledgerentry_changelist": STAFF,
    "billing_ledgerentry_csv": STAFF,
    "billing_ledgerentry_add": NOBODY,
    "billing_ledgerentry_change": STAFF,
    "billing_ledgerentry_history": STAFF,
    "billing_ledgerentry_delete": NOBODY,
    "billing_ledgerentry_reverse": {"admin", "superuser"},
    "billing_reservation_changelist": STAFF,
    "billing_reservation_add": NOBODY,
    "billing_reservation_change": STAFF,
    "billing_reservation_history": STAFF,
    "billing_reservation_delete": NOBODY,
    "billing_price_changelist": {"admin", "superuser"},
    "billing_price_add": {"admin", "superuser"},
    "billing_price_change": {"admin", "superuser"},
    "billing_price_history": {"admin", "superuser"},
    "billing_price_delete": NOBODY,  # the row of the walk holds already
    "app_list conversations": STAFF,
    "conversations_circuit_changelist": STAFF,
    "conversations_circuit_add": NOBODY,
    "conversations_circuit_change": STAFF,
    "conversations_circuit_history": STAFF,
    "conversations_circuit_delete": NOBODY,
    "conversations_circuit_reset": {"admin", "superuser"},
    "conversations_moderationflag_changelist": {"admin", "superuser"},
    "conversations_moderationflag_add": NOBODY,
    "conversations_moderationflag_change": {"admin", "superuser"},
    "conversations_moderationflag_history": {"admin", "superuser"},
    "conversations_moderationflag_delete": NOBODY,
    "conversations_moderationflag_review": {"admin", "superuser"},
    "conversations_moderationpolicy_changelist": {"admin", "superuser"},
    "conversations_moderationpolicy_add": {"admin", "superuser"},
    "conversations_moderationpolicy_change": {"admin", "superuser"},
    "conversations_moderationpolicy_history": {"admin", "superuser"},
    "conversations_moderationpolicy_delete": {"admin", "superuser"},
}
FOREIGN = ("auth_", "account_emailaddress_", "mfa_authenticator_")
"""Pages of Django and allauth: who may change users could make a superuser."""
MAY_DO = {
    "delete_selected": {
        "auth.User": ROOT,
        "auth.Group": ROOT,
        "account.EmailAddress": ROOT,
        "mfa.Authenticator": ROOT,
        "billing.Team": {"admin", "superuser"},
        "conversations.ModerationPolicy": {"admin", "superuser"},
    },
    "make_verified": {"account.EmailAddress": STAFF},  # Django asks the page first
}


def patterns(resolver: URLResolver) -> Iterator[URLPattern]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            yield from patterns(entry)
        else:
            yield entry


def admin_names() -> list[str]:
    """The name of every URL of the admin; "" for one without a name."""
    entries = get_resolver().url_patterns
    sites = [e for e in entries if isinstance(e, URLResolver) and e.app_name == "admin"]
    return sorted({pattern.name or "" for site in sites for pattern in patterns(site)} - {""})


@pytest.fixture
def clients() -> dict[str, Client]:
    return clients_of_roles()


@pytest.fixture
def rows() -> dict[str, Any]:
    """A row for each model whose pages need one."""
    payer = account()
    return {
        "billing_account": payer,
        "billing_team": Team.objects.create(name="Readers"),
        "billing_ledgerentry": spend(payer, "1"),
        "billing_price": Price.objects.create(model="m", input=1, output=1, reason="-"),
        "billing_reservation": Reservation.objects.create(
            account=payer,
            generation=uuid4(),
            model="m",
            amount=Decimal(1),
            input_tokens=1,
            max_output_tokens=1,
        ),
        "conversations_circuit": Circuit.objects.create(endpoint="responses", model="m"),
        "conversations_moderationflag": flag_of(payer.user),
        "conversations_moderationpolicy": ModerationPolicy.objects.create(mode="hold"),
        "auth_user": payer.user,
        "auth_group": Group.objects.get_or_create(name="Operators")[0],
    }


def url_of(name: str, rows: dict[str, Any]) -> str:
    """The address of a page, with a row where it needs one."""
    if name.startswith("app_list "):
        return reverse("admin:app_list", args=[name.split()[1]])
    row = rows.get("_".join(name.split("_")[:2]))
    for arguments in ([], [row.pk if row else 1], [1, 1]):
        try:
            return reverse(f"admin:{name}", args=arguments)
        except NoReverseMatch:
            continue
    raise AssertionError(f"no address for {name}")


def expected(name: str) -> set[str]:
    return MAY_OPEN.get(name, ROOT if name.startswith(FOREIGN) else {"no line in the table"})


def all_pages() -> list[str]:
    labels = sorted({model._meta.app_label for model in admin.site._registry})
    names = [name for name in admin_names() if name != "app_list"]
    return names + [f"app_list {label}" for label in labels]


def test_every_page_of_the_admin_opens_to_whom_it_should(
    clients: dict[str, Client], rows: dict[str, Any]
) -> None:
    pages = all_pages()
    assert len(pages) > 40
    opened: dict[str, set[str]] = {}
    for name in pages:
        address = url_of(name, rows)
        opened[name] = set()
        for who, client in clients.items():
            # A way out ends a session: asked for with GET, it is refused, but not the right to.
            answer = client.get(address)
            if answer.status_code == 405 or _is_open(name, answer):
                opened[name].add(who)
    wrong = {name: (who, expected(name)) for name, who in opened.items() if who != expected(name)}
    # A row that is missing answers as for nobody, to superusers too.
    for name in [name for name in wrong if name.startswith("mfa") or "emailaddress" in name]:
        assert wrong.pop(name)[0] <= ROOT
    assert wrong == {}


def _is_open(name: str, answer: Any) -> bool:
    if name == "login":
        return bool(answer.status_code == 302 and answer["Location"] == "/admin/")
    if name == "auth_user_password_change":
        return answer.status_code in (200, 302) and "login" not in answer.get("Location", "")
    return bool(answer.status_code == 200)


def test_actions_of_lists_are_for_whom_they_should_be(clients: dict[str, Client]) -> None:
    people = {
        "operator": user("Operators"),
        "admin": user("Admins"),
        "superuser": superuser(),
    }
    for who, person in people.items():
        request = RequestFactory().get("/")
        request.user = person
        for model, page in admin.site._registry.items():
            allowed = page.has_view_or_change_permission(request)
            for action in page.get_actions(request) if allowed else ():
                assert who in MAY_DO[action].get(model._meta.label, NOBODY), (model, action, who)


def test_in_a_group_without_staff_status_nothing_opens() -> None:
    for group in ("Operators", "Admins"):
        client = Client()
        client.force_login(user(group, is_staff=False))
        assert client.get("/admin/").status_code in (302, 403)
        assert client.get(reverse("admin:billing_spend")).status_code in (302, 403)


def test_admins_have_every_permission_of_our_models_and_no_other() -> None:
    user("Admins")
    ours = {
        f"{action}_{model._meta.model_name}"
        for label in OUR_APPS
        for model in apps.get_app_config(label).get_models()
        for action in model._meta.default_permissions
    }
    more = {"reverse_ledgerentry", "review_moderationflag"}
    given = Permission.objects.filter(group__name="Admins")
    assert set(given.values_list("codename", flat=True)) == ours | more
    assert set(given.values_list("content_type__app_label", flat=True)) <= set(OUR_APPS)
