"""Fixtures of the tests of money."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from django.test import Client
from pytest_django.plugin import DjangoDbBlocker

from tests.money.people import superuser
from tests.money.site import set_limits, set_price
from tests.site import Person, SiteProcess, environment_for, running_site
from tests.tab import Tab
from tests.upstream.client import Upstream

ENVIRONMENT = {"MAX_OUTPUT_TOKENS": "1000"}


@pytest.fixture
def root() -> Client:
    """A browser in which somebody is signed in who may do anything."""
    client = Client()
    client.force_login(superuser())
    return client


@pytest.fixture(scope="session")
def priced_site(
    empty_database: Path,
    upstream_server: Upstream,
    tmp_path_factory: pytest.TempPathFactory,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[SiteProcess]:
    """A site on which a million input tokens cost 2 USD and a million output tokens 10 USD.

    Each test has a person of its own on it.
    """
    path = shutil.copy(empty_database, tmp_path_factory.mktemp("priced") / "site.sqlite3")
    url, environment = f"sqlite:///{path}", environment_for(upstream_server, **ENVIRONMENT)
    with django_db_blocker.unblock():
        set_price(SiteProcess(url, {}))
        with running_site(url, environment) as process:
            yield process


@pytest.fixture
def spender(priced_site: SiteProcess) -> Person:
    """Somebody with a limit of 1 USD a day."""
    person = priced_site.person()
    set_limits(priced_site, person, day="1")
    return person


@pytest.fixture
async def tab(priced_site: SiteProcess, spender: Person, upstream: Upstream) -> AsyncIterator[Tab]:
    """A tab of the spender; nothing is left running."""
    async with Tab(priced_site, spender) as tab:
        yield tab
        await tab.stop_all()
        await upstream.aidle()
