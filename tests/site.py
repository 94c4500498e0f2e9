"""A real site in a process of its own, and people with accounts on it."""

import os
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any, ClassVar, TypeVar
from urllib.parse import urlsplit

import environ
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.auth.hashers import make_password
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import connections
from django.utils import timezone

from chatsite.environment import SQLITE_OPTIONS
from conversations.models import OPEN_STATUSES, Generation
from tests import nursery
from tests.upstream.client import Upstream

ROOT = Path(__file__).parents[1]
PASSWORD = "correct horse battery"
START_SECONDS = 30
Result = TypeVar("Result")


@cache
def hashed_password() -> str:
    """Slow by nature, and the same for everybody."""
    return make_password(PASSWORD)


@dataclass
class Person:
    """Somebody with an account on a site, and the cookie of their session."""

    id: int
    email: str
    password: str
    cookie: str


@dataclass
class SiteProcess:
    """`python -m chatsite.server` with a database of its own."""

    COMMAND: ClassVar[list[str]] = ["-m", "chatsite.server"]
    READY: ClassVar = "Chatsite is at "

    database_url: str
    environment: dict[str, str]
    url: str = ""
    output: list[str] = field(default_factory=list)
    _process: "nursery.PythonProcess | subprocess.Popen[str] | None" = None
    _reader: threading.Thread | None = None

    @property
    def socket_url(self) -> str:
        return self.url.replace("http://", "ws://") + "/ws/"

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    def start(self) -> None:
        """Returns when the site listens. A second start uses the same port."""
        environment = os.environ | {
            "SECRET_KEY": "tests-only",
            "DATABASE_URL": self.database_url,
            "HOST": "127.0.0.1",
            "PORT": str(urlsplit(self.url).port or 0) if self.url else "0",
            "DJANGO_SETTINGS_MODULE": "chatsite.settings",
            **self.environment,
        }
        self._process = nursery.started(self.COMMAND, environment)
        listening = threading.Event()
        self._reader = threading.Thread(target=self._read, args=(listening,), daemon=True)
        self._reader.start()
        if not listening.wait(START_SECONDS) or self._process.poll() is not None:
            self.kill()
            raise RuntimeError("the site did not start:\n" + "\n".join(self.output))

    def _read(self, listening: threading.Event) -> None:
        assert self._process and self._process.stdout
        with self._process.stdout as lines:
            for line in lines:
                self.output.append(line.rstrip())
                if line.startswith(self.READY):
                    self.url = line.split()[-1]
                    listening.set()
        listening.set()  # it ended

    def send(self, number: signal.Signals) -> None:
        """Sends a signal and does not wait for what comes of it."""
        os.kill(self.pid, number)

    def wait(self, seconds: float) -> int:
        """The exit code, within so many seconds."""
        assert self._process
        return self._process.wait(seconds)

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        """Ends the process by a signal and waits for its end."""
        if self._process:
            self._process.send_signal(how)
            self._process.wait(30)
            assert self._reader
            self._reader.join(5)

    def person(self, *, staff: bool = False) -> Person:
        """A new account with a session, written straight into the site's database."""
        return self.in_database(partial(_new_person, staff=staff))

    def stop_all(self, person: Person) -> None:
        """Asks to stop all that somebody started, as `generation.stop` does."""
        self.in_database(partial(_stop_all, person_id=person.id))

    def in_database(self, function: Callable[[str], Result]) -> Result:
        """Calls `function` with the alias of a connection to the site's database."""
        alias = f"site-{self.database_url}"
        # The test process's own settings, but for what is SQLite's alone.
        sqlite = self.database_url.startswith("sqlite")
        options = SQLITE_OPTIONS if sqlite else {}
        settings: dict[str, Any] = {**connections.databases["default"], "OPTIONS": options}
        settings.update(environ.Env.db_url_config(self.database_url))
        connections.databases.setdefault(alias, settings)

        def call() -> Result:
            with connections[alias].temporary_connection():
                return function(alias)

        # In a thread: Django's ORM refuses to work where an event loop runs.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(call).result()


def _new_person(alias: str, staff: bool) -> Person:
    name = uuid.uuid4().hex[:12]
    fields = {"is_staff": staff, "is_superuser": staff, "password": hashed_password()}
    people = get_user_model()._default_manager.using(alias)
    user = people.create(username=name, email=f"{name}@example.com", **fields)
    session = {
        SESSION_KEY: str(user.pk),
        BACKEND_SESSION_KEY: "django.contrib.auth.backends.ModelBackend",
        HASH_SESSION_KEY: user.get_session_auth_hash(),
    }
    key = uuid.uuid4().hex
    Session.objects.using(alias).create(
        session_key=key,
        session_data=SessionStore().encode(session),
        expire_date=timezone.now() + timedelta(days=1),
    )
    return Person(user.pk, user.email, PASSWORD, f"sessionid={key}")


def _stop_all(alias: str, person_id: int) -> None:
    running = Generation.objects.using(alias).filter(status__in=OPEN_STATUSES)
    running.filter(turn__conversation__owner=person_id).update(stop_requested=True)


def environment_for(upstream: Upstream, **more: str) -> dict[str, str]:
    """The environment of a site that asks a scripted upstream."""
    return {
        "OPENAI_BASE_URL": upstream.base_url,
        "OPENAI_API_KEY": "",
        "OPENAI_API_KEY_FILE": "",
        "LOG_FORMAT": "json",
        "CHAT_MODELS": "test-model,other-model",
        "CHAT_DEFAULT_MODEL": "test-model",
        "DEBUG": "0",
        "ALLOWED_HOSTS": "localhost,127.0.0.1",
        "REDIS_URL": "",
        "DRAIN_SECONDS": "0",
        # Many tests share a site, its few people and its model: tests of limits set their own.
        "USER_MAX_STREAMS": "100000",
        "USER_TURNS_PER_MINUTE": "100000",
        "BREAKER_FAILURES": "1000000",
        "EMAIL_URL": "consolemail://",
        "STATIC_ROOT": ".test/nothing-collected",  # the files as they are now
        **more,
    }


def migrate(database_url: str) -> None:
    """Makes the tables, as the site itself does."""
    environment = os.environ | {
        "SECRET_KEY": "tests-only",
        "DATABASE_URL": database_url,
        "DJANGO_SETTINGS_MODULE": "chatsite.settings",
    }
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)


@contextmanager
def running_site(
    database_url: str, environment: dict[str, str], kind: type[SiteProcess] = SiteProcess
) -> Iterator[SiteProcess]:
    """A started site on a migrated database."""
    site = kind(database_url, environment)
    site.start()
    try:
        yield site
    finally:
        site.kill(signal.SIGTERM)
