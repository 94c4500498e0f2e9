"""Sites with a price, so that failures cost what they cost."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django.plugin import DjangoDbBlocker

from tests.money.site import set_price
from tests.site import Person, SiteProcess, environment_for, running_site
from tests.upstream.client import Upstream

PATIENT = {"UPSTREAM_RETRIES": "1", "UPSTREAM_RETRY_SECONDS": "5", "MAX_OUTPUT_TOKENS": "1000"}
HASTY = {
    **PATIENT,
    "UPSTREAM_RETRIES": "0",
    "UPSTREAM_FIRST_EVENT_SECONDS": "3",
    "UPSTREAM_SILENCE_SECONDS": "2",
    "GENERATION_MAX_SECONDS": "8",
}
"""Time-outs that a test can wait for."""


@pytest.fixture(scope="package")
def database(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("failures") / "site.sqlite3"
    return "sqlite:///" + str(shutil.copy(empty_database, path))


@pytest.fixture(scope="package")
def site(
    database: str, upstream_server: Upstream, django_db_blocker: DjangoDbBlocker
) -> Iterator[SiteProcess]:
    """A million input tokens cost 2 USD, a million output tokens 10 USD."""
    process = SiteProcess(database, environment_for(upstream_server, **PATIENT))
    with django_db_blocker.unblock():
        set_price(process)
        process.start()
        yield process
        process.kill()


@pytest.fixture
def person(site: SiteProcess) -> Person:
    return site.person()


@pytest.fixture
def hasty_site(
    database_url: str, upstream: Upstream, django_db_blocker: DjangoDbBlocker
) -> Iterator[SiteProcess]:
    environment = environment_for(upstream, **HASTY)
    with django_db_blocker.unblock(), running_site(database_url, environment) as process:
        yield process
