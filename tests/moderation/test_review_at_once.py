"""Many reviewers decide on one flag at the same moment: one of them does."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any

from django.db import connection

from conversations.models import Generation, ModerationFlag
from conversations.moderation.review import NotReviewable, approve, uphold
from tests.moderation.flags import WORDS, flag_of
from tests.money.engines import *  # noqa: F403
from tests.money.engines import default_database
from tests.money.people import user
from tests.site import SiteProcess

REVIEWERS = 8


def test_of_many_decisions_at_once_exactly_one_holds(bare_site: SiteProcess) -> None:
    with default_database(bare_site.database_url):
        flag = flag_of(user())
        people = [user(is_staff=True) for _ in range(REVIEWERS)]
        start = Barrier(REVIEWERS)
        with ThreadPoolExecutor(REVIEWERS) as threads:
            decide = [approve if n % 2 else uphold for n in range(REVIEWERS)]
            words = list(threads.map(partial(_attempt, start, flag.pk), decide, people))
        [chosen] = [n for n, word in enumerate(words) if word == ""]
        assert all("decided already" in word for word in words if word)
        flag.refresh_from_db()
        assert flag.reviewed_by == people[chosen]
        assert flag.decision == ("approved" if chosen % 2 else "upheld")
        shown = Generation.objects.get(pk=flag.generation_id).text
        assert shown == (WORDS if chosen % 2 else "")


def _attempt(
    start: Barrier, flag: int, decide: Callable[[ModerationFlag, Any], None], person: Any
) -> str:
    """What the reviewer was told; empty when the decision is theirs."""
    try:
        seen = ModerationFlag.objects.get(pk=flag)
        start.wait(10)
        decide(seen, person)
    except NotReviewable as error:
        return str(error)
    finally:
        connection.close()
    return ""
