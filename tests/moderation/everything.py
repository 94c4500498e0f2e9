"""Where a text could be: every frame of a socket, every row of the database, every page."""

import re
import urllib.request

from django.db import connections

from conversations.models import ModerationFlag
from tests.site import Person, SiteProcess
from tests.tab import Tab
from tests.upstream.client import Upstream

BAD = "gallumbits"
WORDS = [f"hush{n:02}" for n in range(60)]
"""Nobody else's: the whole database is looked at, and others use it too."""
FLAGGED = " ".join([*WORDS[:40], BAD, *WORDS[40:]])

WORD = re.compile("|".join([*WORDS, BAD]).encode())


def words_in(data: bytes) -> set[str]:
    """The words of FLAGGED in bytes; JSON and HTML leave them as they are."""
    return {word.decode() for word in WORD.findall(data)}


def in_frames(*tabs: Tab) -> bytes:
    """All that these sockets were sent."""
    return "\n".join(frame for tab in tabs for frame in tab.frames).encode()


def in_database(site: SiteProcess) -> bytes:
    """Every row of every table but the one that keeps for the review what was withdrawn."""

    def rows(alias: str) -> bytes:
        tables = connections[alias].introspection.table_names()
        assert ModerationFlag._meta.db_table in tables
        found = []
        with connections[alias].cursor() as cursor:
            for table in set(tables) - {ModerationFlag._meta.db_table}:
                cursor.execute(f'SELECT * FROM "{table}"')
                found += cursor.fetchall()
        return repr(found).encode()

    return site.in_database(rows)


def in_page(site: SiteProcess, person: Person, conversation: str) -> bytes:
    """The chat's page as the server renders it."""
    address = f"{site.url}/c/{conversation}/"
    request = urllib.request.Request(address, headers={"Cookie": person.cookie})
    with urllib.request.urlopen(request) as answer:
        return bytes(answer.read())


def cleared(upstream: Upstream, *, waiting: int = 0) -> set[str]:
    """The words of all texts that were checked and passed; the last `waiting` requests have no
    answer yet."""
    requests = upstream.requests("/v1/moderations")
    answered = requests[: len(requests) - waiting]
    texts = [text for request in answered for text in request.body["input"] if BAD not in text]
    return words_in(" ".join(texts).encode())
