"""Fixtures for all tests: a scripted upstream, a site in a process, people, tabs."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pytest_django.plugin import DjangoDbBlocker

from tests.moderation.site import *  # noqa: F403
from tests.postgres import copied_database, temporary_database
from tests.services import missing
from tests.site import Person, SiteProcess, environment_for, migrate, running_site
from tests.tab import Tab
from tests.upstream.client import Upstream
from tests.upstream.fixtures import *  # noqa: F403

LONG_FIRST = ["browser", "integration", "money", "failures"]
"""Folders whose tests take long, so that no worker of xdist sits idle at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A file's tests stay in one worker, as what they share is made once in each. One worker runs
    all that have a browser, which keeps a processor busy, while the others' tests mostly wait.
    """
    items.sort(key=place)
    for item in items:
        if not item.get_closest_marker("xdist_group"):
            browser = "browser" in item.path.parts
            item.add_marker(pytest.mark.xdist_group("browser" if browser else str(item.path)))


def place(item: pytest.Item) -> int:
    """Where a test stands in the order: before others with a greater number."""
    return next((n for n, name in enumerate(LONG_FIRST) if name in item.path.parts), 9)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("database") / "empty.sqlite3"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def database_url(empty_database: Path, tmp_path: Path) -> str:
    """A database of the test's own."""
    return "sqlite:///" + str(shutil.copy(empty_database, tmp_path / "site.sqlite3"))


@pytest.fixture(scope="session")
def empty_postgres() -> Iterator[str]:
    """A migrated PostgreSQL database to copy: nothing may stay connected to it."""
    with ExitStack() as stack:
        try:
            url = stack.enter_context(temporary_database())
        except psycopg.OperationalError as error:
            missing("PostgreSQL", str(error).splitlines()[0])
        yield url


@pytest.fixture(scope="session")
def money_postgres_url(empty_postgres: str) -> Iterator[str]:
    """A migrated PostgreSQL database in which tests leave nothing."""
    with copied_database(empty_postgres) as url:
        yield url


@pytest.fixture(scope="session")
def shared_site(
    empty_database: Path,
    upstream_server: Upstream,
    tmp_path_factory: pytest.TempPathFactory,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[SiteProcess]:
    """The site most tests use. Each test has a person of its own on it."""
    path = shutil.copy(empty_database, tmp_path_factory.mktemp("site") / "site.sqlite3")
    with django_db_blocker.unblock():
        environment = environment_for(upstream_server)
        with running_site(f"sqlite:///{path}", environment) as process:
            yield process


@pytest.fixture
def own_site(
    database_url: str, upstream: Upstream, django_db_blocker: DjangoDbBlocker
) -> Iterator[SiteProcess]:
    """A site of the test's own."""
    with (
        django_db_blocker.unblock(),
        running_site(database_url, environment_for(upstream)) as process,
    ):
        yield process


@pytest.fixture
def mortal_site(
    database_url: str, upstream: Upstream, django_db_blocker: DjangoDbBlocker
) -> Iterator[SiteProcess]:
    """A site of the test's own, to be killed: soon after its start it takes over what it left."""
    environment = environment_for(upstream, LEASE_SECONDS="2")
    with django_db_blocker.unblock(), running_site(database_url, environment) as process:
        yield process


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: object) -> Any:
    """Shows what a test's site printed when the test failed."""
    report = yield
    if report.when == "call" and report.failed:
        for name in ("shared_site", "own_site", "priced_site", "mortal_site"):
            if process := getattr(item, "funcargs", {}).get(name):
                report.sections.append((f"output of {name}", "\n".join(process.output[-60:])))
    return report


@pytest.fixture
def person(shared_site: SiteProcess) -> Person:
    """Somebody new on the shared site."""
    return shared_site.person()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Shows the figures that tests have measured: `record_property("figures", …)`."""
    for report in terminalreporter.getreports("passed"):
        for name, figures in report.user_properties:
            if name == "figures":
                terminalreporter.write_line(str(figures))


OpenTab = Callable[..., Awaitable[Tab]]


@pytest.fixture
async def tabs(
    shared_site: SiteProcess, person: Person, upstream: Upstream
) -> AsyncIterator[OpenTab]:
    """`await tabs()` opens a tab of `person` on the shared site; all are closed at the end."""
    opened: list[Tab] = []
    async with AsyncExitStack() as stack:

        async def open_tab(site: SiteProcess = shared_site, of: Person = person) -> Tab:
            tab = await stack.enter_async_context(Tab(site, of))
            opened.append(tab)
            await tab.expect("hello")
            return tab

        yield open_tab
        # What upstream cuts at a test's end would be tried again and take an answer that was
        # meant for the next test: nothing may be left running.
        for tab in opened:
            await tab.stop_all()
        await upstream.aidle()


@dataclass
class BrowserSite:
    """What browser tests need to know of the site."""

    url: str
    user_email: str
    user_password: str
    cookie: str
    upstream: Upstream


@pytest.fixture
def site(shared_site: SiteProcess, person: Person, upstream: Upstream) -> Iterator[BrowserSite]:
    """The shared site with somebody new on it, for a browser; leaves nothing running."""
    yield BrowserSite(shared_site.url, person.email, person.password, person.cookie, upstream)
    shared_site.stop_all(person)
    upstream.wait_idle()
