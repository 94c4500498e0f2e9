"""What the tests want beside Python: a browser, PostgreSQL, Redis.

A service that is there is used. One that can be had without asking (its program is installed,
or we are root on a Debian) is installed and started on a free port, and ended after the tests.
Whatever is missing then, the tests that need it are skipped by name.
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
from collections.abc import Callable, Iterator
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
    programs = postgres_programs()
    if not programs and apt_install("postgresql"):
        programs = postgres_programs()
    return start_postgres(programs, started) if programs else ""


def redis(started: contextlib.ExitStack) -> str:
    """URL of a Redis; empty if there is none."""
    url = os.environ.get("TEST_REDIS_URL", REDIS_URL)
    if redis_answers(url):
        return url
    if not program("redis-server") and not apt_install("redis-server"):
        return ""
    folder = Path(started.enter_context(tempfile.TemporaryDirectory()))
    port = free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    run_until_end([*command, "--appendonly", "no", "--dir", str(folder)], started)
    url = f"redis://127.0.0.1:{port}/0"
    return url if wait_for(lambda: redis_answers(url)) else ""


def program(*names: str) -> str:
    """Path of the first of these programs that is installed."""
    return next((path for name in names if (path := shutil.which(name))), "")


def apt_install(package: str) -> bool:
    """Installs a Debian package if that needs no question: as root, with apt-get."""
    if os.geteuid() != 0 or not program("apt-get"):
        return False
    say(f"Installing Debian's {package} for the tests …")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", package]
    update = ["apt-get", "update", "-qq"]
    return not any(call(c, env=quiet, silent=["stdout"], text="") for c in (update, install))


def postgres_answers(url: str) -> bool:
    """Whether one can log in there. `psycopg` is in `.venv`, not in our own Python."""
    test = "import sys, psycopg; psycopg.connect(sys.argv[1], connect_timeout=3).close()"
    return not call([PYTHON, "-c", test, url], silent=["stderr"])


def redis_answers(url: str) -> bool:
    """Whether a Redis says PONG there."""
    where = url.removeprefix("redis://").split("/")[0].split("@")[-1]
    host, _, port = where.partition(":")
    try:
        with socket.create_connection((host, int(port or 6379)), timeout=3) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except (OSError, ValueError):
        return False


def postgres_programs() -> Path | None:
    """The folder with `initdb` and `postgres`; Debian keeps it off the PATH."""
    if program("initdb"):
        return Path(program("initdb")).parent
    folders = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    return max((path.parent for path in folders), default=None)


def start_postgres(programs: Path, started: contextlib.ExitStack) -> str:
    """A database cluster of our own, in a temporary folder, gone after the tests."""
    folder = Path(started.enter_context(tempfile.TemporaryDirectory()))
    user: str | None = None
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        try:
            account = pwd.getpwnam("postgres")
        except KeyError:
            account = pwd.getpwnam("nobody")
        user = account.pw_name
        os.chown(folder, account.pw_uid, account.pw_gid)
    data, port = str(folder / "data"), free_port()
    initdb = [str(programs / "initdb"), "-D", data, "-A", "trust", "-U", "postgres"]
    run_until_end([*initdb, "-N"], started, user=user).wait()
    where = ["-p", str(port), "-c", "listen_addresses=127.0.0.1"]
    fast = ["-c", f"unix_socket_directories={folder}", "-c", "fsync=off"]
    command = [str(programs / "postgres"), "-D", data, *where, *fast]
    run_until_end(command, started, user=user)
    url = f"postgres://postgres@127.0.0.1:{port}/postgres"
    return url if wait_for(lambda: postgres_answers(url)) else ""


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
