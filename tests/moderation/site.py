"""A site for the tests of moderation, on which each person has a mode of their own."""

import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from pytest_django.plugin import DjangoDbBlocker

from conversations.models import EventFrame, ModerationFlag, ModerationPolicy
from tests.site import Person, SiteProcess, environment_for
from tests.upstream.client import Upstream

__all__ = ["moderated_site"]

BAD = "slartibartfast"
WORDS = [f"word{n:02}" for n in range(60)]
FLAGGED = " ".join([*WORDS[:40], BAD, *WORDS[40:]])


@contextmanager
def moderated(
    database_url: str, upstream: Upstream, blocker: DjangoDbBlocker, **environment: str
) -> Iterator[SiteProcess]:
    """A site whose texts upstream's /v1/moderations judges, every 40 characters."""
    settings = {"MODERATION_CHECKER": "openai", "MODERATION_EVERY_CHARS": "40", **environment}
    site = SiteProcess(database_url, environment_for(upstream, LEASE_SECONDS="2", **settings))
    with blocker.unblock():
        site.start()
        try:
            yield site
        finally:
            site.kill(signal.SIGTERM)


@pytest.fixture(scope="session")
def moderated_site(
    empty_database: Any,
    upstream_server: Upstream,
    tmp_path_factory: pytest.TempPathFactory,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[SiteProcess]:
    """One for the session; what can't be checked is not shown there."""
    path = shutil.copy(empty_database, tmp_path_factory.mktemp("moderated") / "site.sqlite3")
    options = {"MODERATION": "watch", "MODERATION_ON_ERROR": "closed"}
    with moderated(f"sqlite:///{path}", upstream_server, django_db_blocker, **options) as site:
        yield site


def person_in(site: SiteProcess, mode: str) -> Person:
    """Somebody new, whose texts are moderated like this."""
    person = site.person()
    site.in_database(partial(_join, person=person.id, mode=mode))
    return person


def _join(alias: str, person: int, mode: str) -> None:
    group, _ = Group.objects.using(alias).get_or_create(name=mode)
    ModerationPolicy.objects.using(alias).get_or_create(group=group, mode=mode)
    get_user_model()._default_manager.using(alias).get(pk=person).groups.add(group)


def stored(site: SiteProcess, generation: str) -> str:
    """All that the log holds of a generation."""

    def bodies(alias: str) -> str:
        frames = EventFrame.objects.using(alias).filter(generation_id=generation)
        return "\n".join(frames.order_by("first_seq").values_list("body", flat=True))

    return site.in_database(bodies)


def flags(site: SiteProcess, generation: str) -> list[ModerationFlag]:
    """What was found in a generation."""

    def found(alias: str) -> list[ModerationFlag]:
        return list(ModerationFlag.objects.using(alias).filter(generation_id=generation))

    return site.in_database(found)
