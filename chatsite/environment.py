"""Reads typed values from the environment and remembers what could not be used.

A bad value must not end the start with a traceback: it becomes a numbered system check
(`chatsite/checks.py`) that names the variable and how to mend it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import environ

Value = TypeVar("Value")

SQLITE_OPTIONS = {
    # A transaction takes the write lock at its start: an upgrade in mid-transaction can't be
    # retried and shows up as "database is locked".
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
}


@dataclass(frozen=True)
class Problem:
    """A variable whose value can't be used, and what would be right instead."""

    name: str
    value: str
    expected: str


@dataclass
class Environment:
    """The process environment, with `.env` filling in only what is absent from it."""

    dotenv: Path
    problems: list[Problem] = field(default_factory=list)

    def __post_init__(self) -> None:
        # `overwrite=False` uses setdefault: a variable set to the empty string stays set.
        environ.Env.read_env(self.dotenv, overwrite=False)
        self._env = environ.Env()

    def text(self, name: str, default: str = "") -> str:
        """A string; surrounding white space is not part of it, and an empty one is the default."""
        return str(self._env.str(name, default=default)).strip() or default

    def texts(self, name: str, default: str = "") -> list[str]:
        """Comma-separated strings; empty parts are left out."""
        return [part.strip() for part in self.text(name, default).split(",") if part.strip()]

    def choice(self, name: str, default: str, choices: Sequence[str]) -> str:
        """One of `choices`."""
        value = self.text(name, default)
        if value in choices:
            return value
        return self._refuse(name, value, "one of " + ", ".join(choices), default)

    def flag(self, name: str, default: bool) -> bool:
        """A switch: 1/0, true/false, yes/no, on/off."""
        value = self.text(name, "1" if default else "0").lower()
        if value in ("1", "true", "yes", "on"):
            return True
        if value in ("0", "false", "no", "off"):
            return False
        return self._refuse(name, value, "1 or 0", default)

    def integer(self, name: str, default: int, least: int = 0, most: int = 10**9) -> int:
        """A whole number from `least` to `most`."""
        value = self.text(name, str(default))
        try:
            number = int(value)
        except ValueError:
            number = least - 1
        if least <= number <= most:
            return number
        return self._refuse(name, value, f"a whole number from {least} to {most}", default)

    def number(self, name: str, default: float, least: float = 0, most: float = 1e9) -> float:
        """A finite number from `least` to `most`, usually seconds."""
        value = self.text(name, str(default))
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if least <= number <= most:  # false for NaN as well
            return number
        return self._refuse(name, value, f"a number from {least:g} to {most:g}", default)

    def url(self, name: str) -> str:
        """An http(s) address, or the empty string."""
        value = self.text(name)
        parts = urlsplit(value)
        if not value or (parts.scheme in ("http", "https") and parts.hostname):
            return value
        return self._refuse(name, value, "an address such as http://127.0.0.1:11434/v1", "")

    def database(self, name: str, default: str) -> dict[str, object]:
        """Django's database settings from a URL such as `postgres://user@host/name`."""
        value = self.text(name, default)
        try:
            config = environ.Env.db_url_config(value)
        except (ValueError, environ.ImproperlyConfigured):
            config = {}
        if not str(config.get("ENGINE", "")).endswith(("sqlite3", "postgresql")):
            expected = "sqlite:///path or postgres://user:password@host:port/name"
            value = self._refuse(name, value, expected, default)
            config = environ.Env.db_url_config(value)
        return dict(config)

    def email(self, name: str, default: str) -> dict[str, object]:
        """Django's mail settings from a URL such as `smtp://user:password@host:587`."""
        url = self.text(name, default)
        try:
            return dict(environ.Env.email_url_config(url))
        except (KeyError, ValueError, environ.ImproperlyConfigured):
            self._refuse(name, url, "smtp://user:password@host:port, or consolemail://", default)
            return dict(environ.Env.email_url_config(default))

    def _refuse(self, name: str, value: str, expected: str, default: Value) -> Value:
        self.problems.append(Problem(name, value, expected))
        return default
