"""What `make` does: prepares this checkout, then runs the site, the tests or the checks.

Runs on a bare Python, before anything is installed: standard library only. Each step is
skipped when its stamp (a hash of what it was made from) says that it is done; stamps are
written last, so a step that was cut off is done again.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import socket
import sys
from collections.abc import Iterator, Mapping

from chatsite.bootstrap import data, packages, services
from chatsite.bootstrap.packages import PYTHON, ROOT, Stop, call
from chatsite.dotenv import with_dotenv

MODEL_SERVICE = ("OPENAI_API_KEY", "OPENAI_API_KEY_FILE", "OPENAI_BASE_URL")
"""With one of them the embedded model is not needed."""

TOGETHER = ["-n", "auto", "--dist", "loadgroup", "--no-loadscope-reorder"]
"""As many tests at a time as there are processors, in the order and groups of tests/conftest.py."""

AGAIN = ["--reruns", "1", "--rerun-exclude-path", "tests/unit", "--rerun-show-tracebacks"]
"""A test with real processes or a browser may fail because the machine is busy: it is run once
more, and what passes then is named at the end with its first failure. Pure code has no excuse.
"""


def main(arguments: list[str]) -> int:
    """The exit code of `python -m chatsite.bootstrap run|cluster|test|…`."""
    if sys.version_info < (3, 11):  # noqa: UP036  # this file runs on what there is
        found = ".".join(map(str, sys.version_info[:3]))
        print(
            f"Chatsite needs Python 3.11 or newer; {sys.executable} is {found}.\n"
            "Install a newer one and name it: make run PYTHON=python3.12",
            file=sys.stderr,
        )
        return 1
    commands = {
        "run": run,
        "cluster": cluster,
        "test": test,
        "check": check,
        "bench": bench,
        "chaos": chaos,
        "lock": lock,
    }
    os.chdir(ROOT)
    try:
        return commands[arguments[0]](arguments[1:])
    except Stop as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def run(arguments: list[str]) -> int:
    """Set-up, then the site in this very process, so that signals reach it."""
    host, port = address(with_dotenv(ROOT / ".env", os.environ))
    with one_at_a_time():
        environment = set_up_site()
        data.prepare_database(environment)
    sys.stdout.flush()
    os.execve(  # noqa: S606
        PYTHON,
        [str(PYTHON), "-m", "chatsite.server"],
        {**os.environ, "HOST": host, "PORT": str(port)},
    )


def cluster(arguments: list[str]) -> int:
    """Set-up, then PostgreSQL, Redis, web processes and workers, watched by this process."""
    from chatsite.bootstrap import cluster as several  # asyncio: `make run` starts faster without

    environment = with_dotenv(ROOT / ".env", os.environ)
    host, port = address(environment, "cluster", several.PORTS)
    several.refuse_sqlite(environment)
    with one_at_a_time():
        environment = set_up_site()
    return several.run(environment, host, port)


def set_up_site() -> dict[str, str]:
    """All that the site needs but its database; the environment with `.env` in it."""
    write_dotenv()
    environment = with_dotenv(ROOT / ".env", os.environ)
    packages.install_python(local=not any(map(environment.get, MODEL_SERVICE)))
    packages.install_npm(dev=False)
    data.collect_static()
    return environment


def test(arguments: list[str]) -> int:
    """Set-up with the test packages, then all tests. pytest's closing line comes last."""
    with one_at_a_time():
        write_dotenv()
        packages.install_python(local=True, test=True)
        node = packages.install_npm(dev=True, need_node=True)
        data.collect_static()
    with services.for_tests() as found:
        environment = {**os.environ, **found}
        scripts = sorted(map(str, (ROOT / "tests" / "js").rglob("*.test.js")))
        javascript = call([node, "--test", *scripts], env=environment)
        if javascript:
            print("JavaScript tests FAILED, see above; the Python tests follow.", flush=True)
        python = call([PYTHON, "-m", "pytest", *TOGETHER, *AGAIN, *arguments], env=environment)
    return python or javascript


def check(arguments: list[str]) -> int:
    """All checkers, even when an early one complains; their names at the end if they did."""
    with one_at_a_time():
        packages.install_python(test=True)
        node = packages.install_npm(dev=True, need_node=True)
    python = str(PYTHON)
    checkers = {
        "ruff check": [python, "-m", "ruff", "check", "."],
        "ruff format": [python, "-m", "ruff", "format", "--check", "."],
        "mypy": [python, "-m", "mypy", "."],
        "djlint": [python, "-m", "djlint", "templates", "--lint", "--quiet"],
        "eslint": [node, "node_modules/eslint/bin/eslint.js", "."],
    }
    failed = []
    for name, command in checkers.items():
        print(f"== {name}", flush=True)
        if call(command):
            failed.append(name)
    print("Failed: " + ", ".join(failed) if failed else "All checks passed.")
    return 1 if failed else 0


def bench(arguments: list[str]) -> int:
    """Set-up with the test packages, then the benchmarks: ratios, side by side in one run."""
    with one_at_a_time():
        packages.install_python(test=True)
    return call([PYTHON, "-m", "tests.bench", *arguments])


def chaos(arguments: list[str]) -> int:
    """Set-up with the test packages, then faults at random while people chat."""
    with one_at_a_time():
        packages.install_python(test=True)
    services.have_postgres()  # it starts its own; what is missing it says itself
    services.have_redis()
    return call([PYTHON, "-m", "tests.chaos", *arguments])


def lock(arguments: list[str]) -> int:
    """Writes requirements*.txt anew."""
    from chatsite.bootstrap import locks  # tomllib: an old Python must get as far as our message

    with one_at_a_time():
        packages.make_venv()
        locks.write_all()
    return 0


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """A second set-up in the same checkout waits for the first."""
    with open(ROOT / "pyproject.toml", "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another set-up runs in this folder; waiting for it.", flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def write_dotenv() -> None:
    """A `.env` with a fresh secret key, if there is none."""
    path = ROOT / ".env"
    if path.exists():
        return
    draft = ROOT / ".env.new"
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
        file.write(
            "# Settings of this site; .env.example lists them all. Keep this file private.\n"
        )
        file.write(f"SECRET_KEY={secrets.token_urlsafe(50)}\n")
    os.replace(draft, path)


def address(environment: Mapping[str, str], target: str = "run", ports: int = 1) -> tuple[str, int]:
    """HOST and PORT, checked to be free: better told now than after a long set-up.

    So are the ports that follow, as many as `target` takes in all.
    """
    host = environment.get("HOST", "").strip() or "127.0.0.1"
    text = environment.get("PORT", "").strip() or "8000"
    last = 65536 - ports
    if not text.isdecimal() or not 0 < int(text) <= last:
        raise Stop(
            f"PORT is {text!r}: it must be a number from 1 to {last}, as in: "
            f"make {target} PORT=9000"
        )
    first = int(text)
    for port in range(first, first + ports):
        try_port(host, port, f"make {target} PORT={port + 1 if port < last else 8000}")
    return host, first


def try_port(host: str, port: int, instead: str) -> None:
    """Raises Stop if nothing can be served there."""
    try:
        family, kind, _, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise Stop(
                f"Port {port} on {host} is taken by another program. Choose another: {instead}"
            ) from None
        raise Stop(f"Can't serve on {host}:{port}: {error.strerror}. Set HOST or PORT.") from None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
