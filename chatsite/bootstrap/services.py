"""What tests and `make cluster` want beside Python: a browser, PostgreSQL, Redis.

A service that is there is used. One that can be had without asking (its program is installed,
or we are root on a Debian) is installed and started on a free port, and ended with the tests or
the cluster. Whatever is missing then, the tests that need it are skipped by name.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from chatsite.bootstrap.packages import PYTHON, call, say

POSTGRES_URL = "postgres://postgres@127.0.0.1:5432/postgres"
REDIS_URL = "redis://127.0.0.1:6379/0"
START_SECONDS = 20


@contextlib.contextmanager
def for_tests() -> Iterator[dict[str, str]]:
    """The variables by which the tests find the services, for as long as the tests run."""
    with contextlib.ExitStack() as started:
        found = {
            "TEST_CHROMIUM": chromium(),
            "TEST_POSTGRES_URL": postgres(started),
            "TEST_REDIS_URL": redis(started),
        }
        yield {name: value for name, value in found.items() if value}


def chromium() -> str:
    """Path of a Chromium or Chrome; empty if there is none."""
    if os.environ.get("TEST_CHROMIUM"):
        return os.environ["TEST_CHROMIUM"]
    return program("chromium", "chromium-browser", "google-chrome") or (
        program("chromium") if apt_install("chromium") else ""
    )


def postgres(started: contextlib.ExitStack) -> str:
    """URL of a PostgreSQL whose superuser we may be; empty if there is none."""
    url = os.environ.get("TEST_POSTGRES_URL", POSTGRES_URL)
    if postgres_answers(url):
        return url
    programs = have_postgres()
    return start_postgres(programs, started) if programs else ""


def redis(started: contextlib.ExitStack) -> str:
    """URL of a Redis; empty if there is none."""
    url = os.environ.get("TEST_REDIS_URL", REDIS_URL)
    if redis_answers(url):
        return url
    if not have_redis():
        return ""
    folder = Path(started.enter_context(tempfile.TemporaryDirectory()))
    port = free_port()
    run_until_end(redis_command(folder, port), started)
    url = f"redis://127.0.0.1:{port}/0"
    return url if wait_for(lambda: redis_answers(url)) else ""


def program(*names: str) -> str:
    """Path of the first of these programs that is installed."""
    return next((path for name in names if (path := shutil.which(name))), "")


def apt_install(package: str) -> bool:
    """Installs a Debian package if that needs no question: as root, with apt-get."""
    if os.geteuid() != 0 or not program("apt-get"):
        return False
    say(f"Installing Debian's {package} …")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", package]
    update = ["apt-get", "update", "-qq"]
    return not any(call(c, env=quiet, silent=["stdout"], text="") for c in (update, install))


POSTGRES_TEST = """
import sys, psycopg
try:
    psycopg.connect(sys.argv[1], connect_timeout=3).close()
except psycopg.Error as error:
    sys.exit(str(error))
"""
REDIS_TEST = """
import sys, redis
try:
    redis.Redis.from_url(sys.argv[1], socket_timeout=3, socket_connect_timeout=3).ping()
except (redis.RedisError, ValueError) as error:
    sys.exit(str(error))
"""


def postgres_answers(url: str, silent: Sequence[str] = ("stderr",)) -> bool:
    """Whether one can log in there. `psycopg` is in `.venv`, not in our own Python."""
    return not call([PYTHON, "-c", POSTGRES_TEST, url], silent=silent)


def redis_answers(url: str, silent: Sequence[str] = ("stderr",)) -> bool:
    """Whether a Redis lets us in there, with the password and TLS that the URL may ask for."""
    return not call([PYTHON, "-c", REDIS_TEST, url], silent=silent)


def have_postgres() -> Path | None:
    """The folder with PostgreSQL's programs, installed now if that needs no question."""
    programs = postgres_programs()
    if not programs and apt_install("postgresql"):
        programs = postgres_programs()
    return programs


def have_redis() -> bool:
    """Whether there is a `redis-server`, installed now if that needs no question."""
    return bool(program("redis-server")) or apt_install("redis-server")


def postgres_programs() -> Path | None:
    """The folder with `initdb` and `postgres`; Debian keeps it off the PATH."""
    if program("initdb"):
        return Path(program("initdb")).parent
    folders = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    return max((path.parent for path in folders), default=None)


def start_postgres(programs: Path, started: contextlib.ExitStack) -> str:
    """A database cluster of our own, in a temporary folder, gone after the tests."""
    folder = Path(started.enter_context(tempfile.TemporaryDirectory()))
    port = free_port()
    init_postgres(programs, folder)
    command = [*postgres_command(programs, folder, port), "-c", "fsync=off"]
    run_until_end(command, started, user=postgres_user())
    url = f"postgres://postgres@127.0.0.1:{port}/postgres"
    return url if wait_for(lambda: postgres_answers(url)) else ""


def postgres_user() -> str | None:
    """The user to run PostgreSQL as: it refuses root. None: the one we are."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        return "nobody"


def init_postgres(programs: Path, folder: Path) -> bool:
    """Makes a database cluster in `folder`, unless there is one; whether it is there then.

    Any user of this machine may log in to it.
    """
    if (folder / "data").exists():
        return True
    draft = folder / "data.new"  # what was cut off is made anew
    shutil.rmtree(draft, ignore_errors=True)
    user = postgres_user()
    if user:
        account = pwd.getpwnam(user)
        os.chown(folder, account.pw_uid, account.pw_gid)
    command = [str(programs / "initdb"), "-D", str(draft), "-E", "UTF8", "--no-locale", "-N"]
    rights = ["-A", "trust", "-U", "postgres"]
    quiet = subprocess.DEVNULL
    if subprocess.run([*command, *rights], user=user, stdin=quiet, stdout=quiet).returncode:
        return False
    draft.rename(folder / "data")
    return True


def postgres_command(programs: Path, folder: Path, port: int) -> list[str]:
    """Serves what `init_postgres` made, on loopback only; SIGINT ends it at once, in order."""
    where = ["-p", str(port), "-c", "listen_addresses=127.0.0.1"]
    no_sockets = ["-c", "unix_socket_directories="]  # their paths may be at most 107 bytes long
    return [str(programs / "postgres"), "-D", str(folder / "data"), *where, *no_sockets]


def redis_command(folder: Path, port: int) -> list[str]:
    """Serves on loopback only, and keeps nothing: channel layer and cache hold nothing to keep."""
    where = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
    return [program("redis-server"), *where, "--save", "", "--appendonly", "no"]


def run_until_end(
    command: list[str], started: contextlib.ExitStack, user: str | None = None
) -> subprocess.Popen[bytes]:
    """A quiet child that ends with the tests (SIGINT: both servers then stop at once)."""
    quiet = subprocess.DEVNULL
    child = subprocess.Popen(
        command, stdin=quiet, stdout=quiet, stderr=quiet, user=user, start_new_session=True
    )
    started.callback(child.wait)
    started.callback(child.send_signal, signal.SIGINT)
    return child


def free_port() -> int:
    """A loopback port that nobody uses right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(ready: Callable[[], bool]) -> bool:
    """Asks again and again, for at most START_SECONDS."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if ready():
            return True
        time.sleep(0.1)
    return False
