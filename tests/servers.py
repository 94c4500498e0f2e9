"""Servers of a test's own, to be killed and started again: Redis, PostgreSQL, workers."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import psycopg

from chatsite.bootstrap.services import (
    free_port,
    postgres_programs,
    program,
    redis_answers,
    wait_for,
)
from tests.services import missing
from tests.site import SiteProcess

END_SECONDS = 20


class ServerProcess(ABC):
    """A server that comes back on the same port with the same data."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """Where clients find it."""

    @abstractmethod
    def _command(self) -> list[str]: ...

    @abstractmethod
    def _answers(self) -> bool: ...

    def _user(self) -> str | None:
        return None

    def start(self) -> None:
        """Returns when it answers."""
        quiet = subprocess.DEVNULL
        with (self.folder / "output").open("ab") as output:
            # A session of its own: killed with its children, and not by a Ctrl-C meant for us.
            self._process = subprocess.Popen(
                self._command(),
                stdin=quiet,
                stdout=output,
                stderr=output,
                user=self._user(),
                start_new_session=True,
            )
        if not wait_for(self._answers):
            said = (self.folder / "output").read_text()[-2000:]
            raise RuntimeError(f"{type(self).__name__} did not start:\n{said}")

    def kill(self) -> None:
        """Ends it and its children at once, as a crash would."""
        if self._process and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(END_SECONDS)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Ends it as an operator would."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(how)
            self._process.wait(END_SECONDS)


class RedisProcess(ServerProcess):
    """A Redis that keeps nothing on disk."""

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def _command(self) -> list[str]:
        where = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        return ["redis-server", *where, "--save", "", "--appendonly", "no"]

    def _answers(self) -> bool:
        return redis_answers(self.url)


class PostgresProcess(ServerProcess):
    """A PostgreSQL cluster that trusts everybody on this machine."""

    def __init__(self, folder: Path, programs: Path) -> None:
        super().__init__(folder)
        self._programs = programs
        user = self._user()
        if user:
            shutil.chown(folder, user)
        initdb = [str(programs / "initdb"), "-D", str(folder / "data"), "-A", "trust"]
        quiet = subprocess.DEVNULL
        subprocess.run(
            [*initdb, "-U", "postgres", "-N"], check=True, stdout=quiet, stderr=quiet, user=user
        )

    @property
    def url(self) -> str:
        return f"postgres://postgres@127.0.0.1:{self.port}/postgres"

    def restart(self, away: float = 0.0) -> None:
        """An immediate shutdown: no goodbye to clients, recovery at the next start."""
        self.stop(signal.SIGQUIT)
        time.sleep(away)
        self.start()

    def _user(self) -> str | None:
        if os.geteuid():
            return None
        try:  # PostgreSQL refuses to run as root
            return pwd.getpwnam("postgres").pw_name
        except KeyError:
            return "nobody"

    def _command(self) -> list[str]:
        options = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self.folder,
            "fsync": "off",  # the machine does not crash, only the server does
        }
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        return [str(self._programs / "postgres"), "-D", str(self.folder / "data"), *settings]

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=3).close()
        except psycopg.OperationalError:
            return False
        return True


class WorkerProcess(SiteProcess):
    """`manage.py rungenerations`."""

    COMMAND: ClassVar = ["manage.py", "rungenerations"]
    READY: ClassVar = "Running generations."


class WorkerWithHealth(SiteProcess):
    """A worker that tells how it is; its `url` is the one of its health port."""

    COMMAND: ClassVar = ["manage.py", "rungenerations", "--health-port", "0"]
    READY: ClassVar = "Health is at "


@contextmanager
def running_redis() -> Iterator[RedisProcess]:
    """A Redis of the test's own."""
    if not program("redis-server"):
        missing("Redis", "redis-server is not installed")
    with tempfile.TemporaryDirectory() as folder:
        server = RedisProcess(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.kill()


@contextmanager
def running_postgres() -> Iterator[PostgresProcess]:
    """A PostgreSQL of the test's own, empty."""
    programs = postgres_programs()
    if not programs:
        missing("PostgreSQL", "initdb is not installed")
    with tempfile.TemporaryDirectory() as folder:
        server = PostgresProcess(Path(folder), programs)
        server.start()
        try:
            yield server
        finally:
            server.kill()


@contextmanager
def running_worker(
    database_url: str, environment: dict[str, str], kind: type[SiteProcess] = WorkerProcess
) -> Iterator[SiteProcess]:
    """A started worker; killed at the end, whatever state the test left it in."""
    worker = kind(database_url, environment)
    worker.start()
    try:
        yield worker
    finally:
        worker.kill()


@contextmanager
def frozen(process: SiteProcess) -> Iterator[None]:
    """The process stands still inside the block: alive, with all its connections."""
    os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process.pid, signal.SIGCONT)
