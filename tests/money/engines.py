"""A test of money on each engine, undone at its end.

A test file takes it with `from tests.money.engines import *`.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import environ
import pytest
from django.db import connections, transaction
from pytest_django.plugin import DjangoDbBlocker

from billing import pricing
from chatsite.environment import SQLITE_OPTIONS
from tests.money.site import set_price
from tests.services_fixtures import postgres_url
from tests.site import SiteProcess

__all__ = ["bare_site", "engine", "postgres_url"]


@contextmanager
def default_database(url: str) -> Iterator[None]:
    """Django's default connection leads to another database inside the block, in this thread
    and in new ones."""
    before, was = connections["default"], connections.settings["default"]
    options = SQLITE_OPTIONS if url.startswith("sqlite") else {}
    own = {**was, "OPTIONS": options, **environ.Env.db_url_config(url)}
    connections.settings["default"] = own
    del connections["default"]
    pricing.forget()
    try:
        yield
    finally:
        connections["default"].close()
        connections.settings["default"], connections["default"] = was, before
        pricing.forget()


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """The default database is an empty one of this engine inside the test; its name.

    All is in one transaction that is rolled back: the ledger lets nobody delete what is in it.
    """
    name = "database_url" if request.param == "sqlite" else "money_postgres_url"
    url = request.getfixturevalue(name)
    with django_db_blocker.unblock(), default_database(url), transaction.atomic():
        yield str(request.param)
        transaction.set_rollback(True)


@pytest.fixture(params=["sqlite", "postgresql"])
def bare_site(
    request: pytest.FixtureRequest, django_db_blocker: DjangoDbBlocker
) -> Iterator[SiteProcess]:
    """A database with prices in it and no server, for processes that ask without one."""
    name = "database_url" if request.param == "sqlite" else "postgres_url"
    site = SiteProcess(request.getfixturevalue(name), {})
    with django_db_blocker.unblock():
        set_price(site)
        yield site
