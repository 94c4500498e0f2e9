"""The set-up's data: database tables, the first admin, collected static files."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote

from chatsite.bootstrap.packages import PYTHON, ROOT, Stop, call, digest, is_done, say, set_done


def prepare_database(environment: Mapping[str, str]) -> None:
    """Migrates, and creates the first admin. Skipped when an SQLite file shows that it was done."""
    url = environment.get("DATABASE_URL", "").strip() or "sqlite:///db.sqlite3"
    file = sqlite_file(url)
    if file and file.exists() and is_done("database", database_key(url, file)):
        return
    say("Preparing the database …")
    command = [str(PYTHON), "manage.py", "preparedatabase"]
    email = environment.get("ADMIN_EMAIL", "").strip()
    if email:
        command += ["--email", email]
    if call(command, env=environment):
        raise Stop("The database could not be prepared; see above.")
    if file:
        set_done("database", database_key(url, file))


def sqlite_file(url: str) -> Path | None:
    """The file of an SQLite URL. Of other databases only Django can tell how far they are."""
    if not url.startswith("sqlite:///"):
        return None
    return ROOT / unquote(url.removeprefix("sqlite:///").split("?")[0])


def database_key(url: str, file: Path) -> str:
    """Tells apart: other migrations, another database, a file that was replaced or taken back."""

    def parts() -> Iterator[bytes]:
        yield url.encode()
        yield (ROOT / "requirements.txt").read_bytes()  # packages bring migrations of their own
        for path in sorted(ROOT.glob("*/migrations/*.py")):
            yield str(path.relative_to(ROOT)).encode()
            yield path.read_bytes()
        yield str(file.stat().st_ino if file.exists() else "missing").encode()
        for app, name in applied_migrations(file):
            yield f"{app}.{name}".encode()

    return digest(parts())


def applied_migrations(file: Path) -> list[tuple[str, str]]:
    """What Django noted in this file; empty for a file that is none of Django's."""
    if not file.exists():
        return []
    connection = sqlite3.connect(file)
    try:
        query = "SELECT app, name FROM django_migrations ORDER BY app, name"
        return connection.execute(query).fetchall()
    except sqlite3.DatabaseError:
        return []
    finally:
        connection.close()


def collect_static() -> None:
    """Hashed and compressed copies of the static files, when any of them changed."""
    key = digest(static_inputs())
    if (ROOT / "staticfiles" / "staticfiles.json").is_file() and is_done("static", key):
        return
    say("Collecting static files …")
    if call([PYTHON, "manage.py", "collectstatic", "--noinput", "--verbosity", "0"]):
        raise Stop("The static files could not be collected; see above.")
    set_done("static", key)


def static_inputs() -> Iterator[bytes]:
    """Everything that the collected files are made from."""
    for name in ("requirements.txt", "package-lock.json", "chatsite/settings.py"):
        yield (ROOT / name).read_bytes()
    for path in sorted((ROOT / "static").rglob("*")):
        if path.is_file():
            yield str(path.relative_to(ROOT)).encode()
            yield path.read_bytes()
