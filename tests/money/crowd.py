"""Many processes that do something at the same moment (crowd_member.py), and who watches them."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from decimal import Decimal
from types import TracebackType
from typing import Any, ClassVar, TextIO

import pytest
from django.db import connections

from tests.site import ROOT, SiteProcess

PROCESSES = 10
MODEL = "test-model"

ALONE = pytest.mark.xdist_group("crowd")
"""Two crowds at once would want more connections than PostgreSQL gives by default."""

Task = tuple[str, Any]
"""The name of a job of crowd_member.py, and what it is done with."""


class Crowd:
    """Processes that wait for the word; `with`."""

    ENVIRONMENT: ClassVar = {
        "SECRET_KEY": "tests-only",
        "DJANGO_SETTINGS_MODULE": "chatsite.settings",
        "OPENAI_BASE_URL": "http://127.0.0.1:9/v1",
        "OPENAI_API_KEY": "",
        "CHAT_MODELS": MODEL,
        "CHAT_DEFAULT_MODEL": MODEL,
        "UNPRICED_MODELS": "refuse",
        "MAX_OUTPUT_TOKENS": "1000",
        "BUDGET_WARN_AT": "0.8",
        "REDIS_URL": "",
        "USER_MAX_STREAMS": "100000",
        "USER_TURNS_PER_MINUTE": "100000",
    }

    def __init__(self, database_url: str) -> None:
        self._environment = os.environ | self.ENVIRONMENT | {"DATABASE_URL": database_url}
        self._members: list[TextIO] = []
        self._stack = ExitStack()

    def __enter__(self) -> "Crowd":
        pairs = [socket.socketpair() for _ in range(PROCESSES)]
        theirs = [str(their.fileno()) for _, their in pairs]
        # Leaving the block ends the conversations first, and with them the processes.
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.money.crowd_member", *theirs],
            cwd=ROOT,
            env=self._environment,
            pass_fds=[their.fileno() for _, their in pairs],
        )
        self._stack.enter_context(process)
        for our, their in pairs:
            their.close()
            with our:
                self._members.append(self._stack.enter_context(our.makefile("rw")))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def at_once(self, tasks: Sequence[Task]) -> list[Any]:
        """The results of all tasks, dealt out evenly and begun at the same moment."""
        hands = [tasks[number::PROCESSES] for number in range(PROCESSES)]
        for member, hand in zip(self._members, hands, strict=True):
            self._say(member, json.dumps(hand))
        for member in self._members:
            assert self._hear(member) == "ready"
        for member in self._members:
            self._say(member, "go")
        return [result for member in self._members for result in json.loads(self._hear(member))]

    def _say(self, member: TextIO, line: str) -> None:
        member.write(line + "\n")
        member.flush()

    def _hear(self, member: TextIO) -> str:
        return member.readline().strip()


class Observer:
    """Looks again and again, inside its block, at what is spent and held on a whole site."""

    SUM = """
        SELECT (SELECT COALESCE(SUM(amount), 0) FROM billing_ledgerentry)
             + (SELECT COALESCE(SUM(amount), 0) FROM billing_reservation WHERE state = 'open')
    """  # one statement, so that both sums are of one moment

    def __init__(self, database_url: str) -> None:
        self.most = Decimal(0)
        """USD."""
        self.looks = 0
        self._site = SiteProcess(database_url, {})
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._site.in_database, args=(self._look,))

    def __enter__(self) -> "Observer":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._enough.set()
        self._thread.join()

    def _look(self, alias: str) -> None:
        with connections[alias].cursor() as cursor:
            while not self._enough.wait(0.002):
                cursor.execute(self.SUM)
                self.most = max(self.most, Decimal(cursor.fetchone()[0]).scaleb(-10))
                self.looks += 1
