"""The first admin: made once, able to sign in, never made out of somebody else's account."""

import re
from io import StringIO

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.test import Client

pytestmark = pytest.mark.django_db


def create(**options: str) -> str:
    """What the command prints."""
    out = StringIO()
    call_command("createfirstadmin", stdout=out, **options)
    return out.getvalue()


@pytest.mark.filterwarnings("ignore:No directory at")  # before any collectstatic
def test_the_printed_name_and_password_sign_in_and_open_the_admin(client: Client) -> None:
    printed = dict(re.findall(r"(Name|Password): +(\S+)", create()))
    form = {"login": printed["Name"], "password": printed["Password"]}
    assert client.post("/accounts/login/", form).status_code == 302
    assert client.get("/admin/").status_code == 200


def test_a_second_run_prints_and_changes_nothing() -> None:
    create()
    assert create(email="other@example.com") == ""
    assert get_user_model().objects.count() == 1


def test_the_address_counts_as_verified() -> None:
    create(email="boss@example.com")
    address = EmailAddress.objects.get()
    assert (address.email, address.verified, address.primary) == ("boss@example.com", True, True)


def test_an_ordinary_account_is_not_made_an_admin() -> None:
    get_user_model().objects.create_user(username="x", email="Admin@example.com", password="secret")
    with pytest.raises(CommandError, match="ADMIN_EMAIL"):
        create()
    assert not get_user_model().objects.filter(is_superuser=True).exists()
