"""Reads typed values from the environment and remembers what could not be used.

A bad value must not end the start with a traceback: it becomes a numbered system check
(`chatsite/checks.py`) that names the variable and how to mend it.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import environ

from chatsite.redaction import redact

Value = TypeVar("Value")

SECRET = re.compile("KEY|TOKEN|SECRET|PASSWORD|HEADERS|DATABASE_URL|REDIS_URL|EMAIL_URL")

SQLITE_OPTIONS = {
    # A transaction takes the write lock at its start: an upgrade in mid-transaction can't be
    # retried and shows up as "database is locked".
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
}
# A host that does not answer must not hold a thread for the minutes that TCP allows.
POSTGRES_OPTIONS = {"connect_timeout": 5, "tcp_user_timeout": 15_000}  # seconds, milliseconds


def drop_empty(prefix: str) -> None:
    """Takes empty variables away, for packages that don't take them for absent ones."""
    for name in [name for name in os.environ if name.startswith(prefix)]:
        if not os.environ[name].strip():
            del os.environ[name]


@dataclass(frozen=True)
class Problem:
    """A variable whose value can't be used, and what would be right instead."""

    name: str
    value: str
    expected: str

    @property
    def words(self) -> str:
        """What is wrong. A value that may hold a password is not repeated."""
        if SECRET.search(self.name):
            return f"{self.name} has a value that can't be used."
        return f"{self.name} is {redact(self.value)!r}, which can't be used."


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

    def path(self, name: str, folder: Path) -> Path | None:
        """A file; a relative one is in `folder`."""
        value = self.text(name)
        return folder / value if value else None

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
        expected = f"a whole number of at least {least}"
        return self._refuse(name, value, expected + (f", at most {most}" * (most < 10**9)), default)

    def number(self, name: str, default: float, least: float = 0, most: float = 1e9) -> float:
        """A finite number from `least` to `most`, usually seconds."""
        value = self.text(name, str(default))
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if least <= number <= most:  # false for NaN as well
            return number
        expected = f"a number of at least {least:g}"
        return self._refuse(name, value, expected + (f", at most {most:g}" * (most < 1e9)), default)

    def url(self, name: str, schemes: Sequence[str], example: str) -> str:
        """An address with one of `schemes`, or the empty string."""
        value = self.text(name)
        try:
            parts = urlsplit(value)
            known = parts.scheme in schemes and parts.port != 0
            if not value or (known and (parts.hostname or parts.path)):
                return value
        except ValueError:
            pass  # half a bracket, a port that is none
        return self._refuse(name, value, f"an address such as {example}", "")

    def folder(self, name: str) -> str:
        """A folder, made if it is missing, or the empty string.

        A library that reads the same variable finds it only when it can be used.
        """
        value = self.text(name)
        try:
            if value:
                Path(value).mkdir(parents=True, exist_ok=True)
        except OSError:
            value = self._refuse(name, value, "a folder, or a place where one can be made", "")
        if not os.access(value, os.W_OK | os.X_OK):
            if value:
                value = self._refuse(name, value, "a folder that can be written to", "")
            os.environ.pop(name, None)
        return value

    def hosts(self, name: str, default: str) -> list[str]:
        """Host names without scheme, port or path."""
        found = self.texts(name, default)
        for host in found:
            if "/" in host:
                expected = f"names alone, separated by commas, such as {default}"
                return self._refuse(name, ",".join(found), expected, default.split(","))
        return found

    def database(self, name: str, default: str, folder: Path) -> dict[str, Any]:
        """Django's database settings from a URL such as `postgres://user@host/name`.

        A relative path of an SQLite file is one in `folder`.
        """
        value = self.text(name, default)
        try:
            config = environ.Env.db_url_config(value)
        except (ValueError, environ.ImproperlyConfigured):
            config = {}
        if not str(config.get("ENGINE", "")).endswith(("sqlite3", "postgresql")):
            expected = "sqlite:///path or postgres://user:password@host:port/name"
            value = self._refuse(name, value, expected, default)
            config = environ.Env.db_url_config(value)
        if str(config["ENGINE"]).endswith("sqlite3"):
            return {**config, "NAME": folder / str(config["NAME"]), "OPTIONS": SQLITE_OPTIONS}
        options = POSTGRES_OPTIONS | config.get("OPTIONS", {})
        return {**config, "CONN_HEALTH_CHECKS": True, "CONN_MAX_AGE": 60, "OPTIONS": options}

    def amounts(self, name: str, default: str, names: Sequence[str]) -> dict[str, Decimal]:
        """Amounts in USD by name, such as `day=1.00,month=20.00`. Empty means none."""
        value = str(self._env.str(name, default=default)).strip()
        found: dict[str, Decimal] = {}
        for part in filter(None, (part.strip() for part in value.split(","))):
            key, _, text = part.partition("=")
            try:
                amount = Decimal(text.strip())
            except InvalidOperation:
                amount = Decimal("NaN")
            key = key.strip()
            known = key in names and key not in found
            sound = amount.is_finite() and 0 <= amount <= 10**6 and amount == round(amount, 10)
            if not known or not sound:
                expected = f"each of {', '.join(names)} at most once, as in {default}, or empty"
                return self._refuse(name, value, expected, {})
            found[key] = amount
        return found

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
