"""Somebody who is signed in at /usage/, and what tests read off its pages and files.

A test file takes the fixtures with `from tests.money.usagepages import *`.
"""

import csv
import re
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.test import Client
from django.utils.html import strip_tags

from billing.models import Account
from tests.money.people import user

__all__ = ["account", "client"]


def new_account() -> Account:
    """The account of somebody new, with the default budgets."""
    return Account.objects.get(user=user())


@pytest.fixture
def account() -> Account:
    return new_account()


@pytest.fixture
def client(account: Account) -> Client:
    """A browser in which the account's person is signed in."""
    assert account.user
    client = Client()
    client.force_login(account.user)
    return client


def words(response: Any) -> str:
    """The text of a page, its white space folded."""
    assert response.status_code == 200, response.status_code
    page = re.sub(r"<(style|script)\b.*?</\1>", "", response.content.decode(), flags=re.DOTALL)
    return re.sub(r"\s+", " ", strip_tags(page.replace("</dt>", "</dt> ")))


def file_of(response: Any) -> list[dict[str, str]]:
    """The rows of a CSV download."""

    async def read() -> bytes:
        return b"".join([piece async for piece in response.streaming_content])

    return list(csv.DictReader(async_to_sync(read)().decode().splitlines()))
