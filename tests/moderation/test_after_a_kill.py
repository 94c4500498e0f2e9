"""Sites that die in the middle of a check, or can't check: each needs a site of its own."""

import uuid

from pytest_django.plugin import DjangoDbBlocker

from tests.moderation.site import BAD, moderated, person_in, stored
from tests.tab import Tab, text_in
from tests.upstream.answers import text_answer
from tests.upstream.client import Upstream
from tests.upstream.script import Gate, Silence, reply_error

BEGUN = f"A {BAD} and enough words for a check of their own. "


async def test_what_a_process_killed_in_mid_check_had_shown_is_checked_before_anything_more(
    database_url: str, upstream: Upstream, django_db_blocker: DjangoDbBlocker
) -> None:
    """In `hold` it had shown nothing: the answer is asked for again, and checked."""
    begun = text_answer(BEGUN)[:-3]
    for _ in range(2):
        upstream.queue([Gate("asked"), *begun, Silence()])
    with moderated(database_url, upstream, django_db_blocker) as site:
        people = {mode: person_in(site, mode) for mode in ("watch", "hold")}
        ids, conversations = {}, {}
        async with Tab(site, people["watch"]) as watch, Tab(site, people["hold"]) as hold:
            for mode, tab in (("watch", watch), ("hold", hold)):
                created = await tab.ask("Tell me", id=str(uuid.uuid4()))
                ids[mode] = created["generation"]
                conversations[mode] = created["conversation"]["id"]
            await upstream.agate("asked", 2)  # the questions are checked
            upstream.flag(BAD, gate="never")
            upstream.open("asked")
            await upstream.agate("never")
            await watch.shown(ids["watch"], BAD)
            await hold.until(ids["hold"], "moderation.checking")
            site.kill()
            assert BAD not in "".join(hold.frames) + stored(site, ids["hold"])
        upstream.flag(BAD)
        upstream.queue([*begun, Silence()])
        site.start()
        for mode, person in people.items():
            async with Tab(site, person) as tab:
                await tab.open(conversations[mode], {ids[mode]: 0})
                assert (await tab.finished(ids[mode]))["status"] == "blocked"
                assert BAD not in "".join(tab.frames) or mode == "watch"
            assert BAD not in stored(site, ids[mode])


async def test_open_lets_pass_what_cannot_be_checked(
    database_url: str, upstream: Upstream, django_db_blocker: DjangoDbBlocker
) -> None:
    upstream.always(reply_error(401), path="/v1/moderations")
    upstream.queue(text_answer("Some words."))
    options = {"MODERATION": "hold", "MODERATION_ON_ERROR": "open"}
    with moderated(database_url, upstream, django_db_blocker, **options) as site:
        async with Tab(site, site.person()) as tab:
            id = (await tab.ask("Tell me"))["generation"]
            assert (await tab.finished(id))["status"] == "completed"
            assert text_in(tab.events[id]) == "Some words."
